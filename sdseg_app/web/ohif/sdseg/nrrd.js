// A labelmap as a NRRD file that says where its voxels lie.

/** A Blob; `volume` as `slicesOf` in labelmap.js returns it. */
export async function nrrdFile({ columns, rows, directions, origin, slices }) {
  const header = [
    'NRRD0004',
    'type: uint8',
    'dimension: 3',
    'space: left-posterior-superior',
    `sizes: ${columns} ${rows} ${slices.length}`,
    `space directions: ${directions.map(vector).join(' ')}`,
    'kinds: domain domain domain',
    'encoding: gzip',
    `space origin: ${vector(origin)}`,
    '',
    '',
  ].join('\n');
  const voxels = new Blob(slices).stream().pipeThrough(new CompressionStream('gzip'));
  return new Blob([header, await new Response(voxels).blob()]);
}

function vector(values) {
  return `(${values.join(',')})`;
}
