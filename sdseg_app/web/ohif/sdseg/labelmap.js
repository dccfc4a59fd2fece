// The overlay that is shown, as slices in the patient's space.

/** The segmentation which the person works on: the active one of the active viewport, else the panel's. */
export function currentSegmentation({ segmentationService, viewportGridService }) {
  const viewportId = viewportGridService.getActiveViewportId();
  const active = viewportId && segmentationService.getActiveSegmentation(viewportId);
  return active || segmentationService.getSegmentations()[0];
}

/**
 * Its slices in the order of their positions along the normal of the image.
 * Returns { series, study, columns, rows, directions, origin, slices }; directions and origin in LPS millimetres,
 * slices as Uint8Array of rows * columns each.
 */
export function slicesOf(segmentation) {
  const { cache, metaData } = window.cornerstone;
  const images = segmentation.representationData.Labelmap.imageIds.map(id => cache.getImage(id));
  const slices = images.map(image => ({
    plane: metaData.get('imagePlaneModule', image.referencedImageId),
    voxels: image.voxelManager.getScalarData(),
  }));
  const { rowCosines, columnCosines, columnPixelSpacing, rowPixelSpacing, rows, columns } = slices[0].plane;
  const normal = cross(rowCosines, columnCosines);
  slices.sort((a, b) => dot(a.plane.imagePositionPatient, normal) - dot(b.plane.imagePositionPatient, normal));
  const positions = slices.map(slice => Array.from(slice.plane.imagePositionPatient));
  const steps = Math.max(1, slices.length - 1);
  const step = positions[0].map((first, axis) => (positions.at(-1)[axis] - first) / steps);
  return {
    ...seriesOf(segmentation),
    columns,
    rows,
    directions: [scaled(rowCosines, columnPixelSpacing), scaled(columnCosines, rowPixelSpacing), step],
    origin: positions[0],
    slices: slices.map(slice => slice.voxels),
  };
}

/** The ids of the slices of a segmentation from the last to the first along the normal of the image. */
export function imagesDownwards(imageIds) {
  const { cache, metaData } = window.cornerstone;
  const places = imageIds.map(id => {
    const plane = metaData.get('imagePlaneModule', cache.getImage(id).referencedImageId);
    return { id, at: dot(plane.imagePositionPatient, cross(plane.rowCosines, plane.columnCosines)) };
  });
  return places.sort((a, b) => b.at - a.at).map(({ id }) => id);
}

/** { series, study }: UIDs of the image which a segmentation lies on. */
export function seriesOf(segmentation) {
  const { cache, metaData } = window.cornerstone;
  const [first] = segmentation.representationData.Labelmap.imageIds;
  const { seriesInstanceUID, studyInstanceUID } = metaData.get(
    'generalSeriesModule',
    cache.getImage(first).referencedImageId
  );
  return { series: seriesInstanceUID, study: studyInstanceUID };
}

/** Value -> how many voxels have it, of the values that occur beside 0. */
export function countVoxels(segmentation) {
  const counts = new Array(256).fill(0);
  for (const id of segmentation.representationData.Labelmap.imageIds) {
    for (const value of window.cornerstone.cache.getImage(id).voxelManager.getScalarData()) {
      counts[value] += 1;
    }
  }
  return new Map(counts.map((count, value) => [value, count]).filter(([value, count]) => value && count));
}

/** label_info of MONAI Label: a name for each value that occurs. Throws where a value has none. */
export function labelInfo(segmentation, counts) {
  return Array.from(counts.keys(), idx => {
    const name = segmentation.segments[idx]?.label;
    if (!name) {
      throw new Error(`The overlay holds the segment ${idx}, which has no name.`);
    }
    return { name, idx };
  });
}

function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function scaled(vector, factor) {
  return Array.from(vector, value => value * factor);
}
