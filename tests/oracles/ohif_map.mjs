// OHIF's own reader of DICOM Parametric Maps (@cornerstonejs/adapters), for the tests:
// node ohif_map.mjs map.dcm pixels.raw source.dcm ...
// writes the numbers as the viewer takes them, and says in which order it takes the sources: slice by slice.
import { readFileSync, writeFileSync } from "node:fs";

const { metaData, utilities } = await import("@cornerstonejs/core");
const { default: dcmjs } = await import("dcmjs");
const { adaptersPMAP } = await import("@cornerstonejs/adapters");
const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
const [map, pixels, ...sources] = process.argv.slice(2);

function arrayBuffer(path) {
    const bytes = readFileSync(path);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

/** What OHIF's metadata provider tells of one single-frame image. */
function modules(path) {
    const image = DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(arrayBuffer(path)).dict);
    const orientation = image.ImageOrientationPatient.map(Number);
    return {
        instance: image,
        generalImageModule: { sopInstanceUID: image.SOPInstanceUID },
        imagePlaneModule: {
            rows: image.Rows, columns: image.Columns,
            rowCosines: orientation.slice(0, 3), columnCosines: orientation.slice(3),
            imageOrientationPatient: orientation, imagePositionPatient: image.ImagePositionPatient.map(Number),
        },
    };
}

const known = new Map(sources.map((path) => [path, modules(path)]));
const provider = { get: (type, imageId) => known.get(imageId)?.[type] };
metaData.addProvider(provider.get, 10000);
const { sortedImageIds } = utilities.sortImageIdsAndGetSpacing(sources); // of the volume that the map is laid over
const { generateToolState } = adaptersPMAP.Cornerstone3D.ParametricMap;
const { pixelData } = await generateToolState(sortedImageIds, arrayBuffer(map), provider);
writeFileSync(pixels, Buffer.from(pixelData.buffer));
console.log(JSON.stringify(sortedImageIds));
