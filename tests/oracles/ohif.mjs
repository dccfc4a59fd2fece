// OHIF's own reader and writer of DICOM SEG (@cornerstonejs/adapters), for the tests: node ohif.mjs < jobs > answers
//
// A job is {task: "read", sources: [file ...], seg: file, asOneBuffer: true or absent} or
// {task: "write", sources: [file ...], labelmap: file of bytes, names: [...], kind: "BINARY" | "LABELMAP",
//  transferSyntax: uid, seg: file to write}.
// The answer to "read" is {names: {number: label}, slices: [{number: voxels} ...] in the order of the sources,
// error: text}, to "write" {error: text}. All jobs of a run share one process: starting it is what takes time.
import { readFileSync, writeFileSync } from "node:fs";

const { cache, metaData } = await import("@cornerstonejs/core");
const { default: dcmjs } = await import("dcmjs");
const { Cornerstone3DSEG } = await import("@cornerstonejs/adapters/cornerstone3D");
const { BitArray, DicomMessage, DicomMetaDictionary } = dcmjs.data;
const { Normalizer } = dcmjs.normalizers;
const { Segmentation } = Cornerstone3DSEG;

const known = new Map(); // imageId -> naturalised dataset
metaData.addProvider((type, imageId) => modules(known.get(imageId))[type], 10000);

function arrayBuffer(path) {
    const bytes = readFileSync(path);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function open(path) {
    const file = DicomMessage.readFile(arrayBuffer(path));
    const dataset = DicomMetaDictionary.naturalizeDataset(file.dict);
    dataset._meta = DicomMetaDictionary.namifyDataset(file.meta);
    return dataset;
}

/** What OHIF's metadata provider tells of one single-frame image. */
function modules(image) {
    if (!image) return {};
    if (image.Modality === "SEG") return { instance: image };
    const orientation = image.ImageOrientationPatient.map(Number);
    const [rowPixelSpacing, columnPixelSpacing] = image.PixelSpacing.map(Number);
    return {
        instance: image,
        generalImageModule: { sopInstanceUID: image.SOPInstanceUID },
        generalSeriesModule: { seriesInstanceUID: image.SeriesInstanceUID, modality: image.Modality },
        sopCommonModule: { sopInstanceUID: image.SOPInstanceUID, sopClassUID: image.SOPClassUID },
        imagePixelModule: {
            rows: image.Rows, columns: image.Columns, bitsAllocated: 16, bitsStored: 16, highBit: 15,
            samplesPerPixel: 1, pixelRepresentation: 0, photometricInterpretation: "MONOCHROME2",
        },
        imagePlaneModule: {
            frameOfReferenceUID: image.FrameOfReferenceUID,
            rows: image.Rows, columns: image.Columns,
            imageOrientationPatient: orientation,
            imagePositionPatient: image.ImagePositionPatient.map(Number),
            rowCosines: orientation.slice(0, 3), columnCosines: orientation.slice(3),
            pixelSpacing: [rowPixelSpacing, columnPixelSpacing], rowPixelSpacing, columnPixelSpacing,
            sliceThickness: Number(image.SliceThickness),
        },
        StudyData: part(image, ["PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID",
            "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"]),
        SeriesData: part(image, ["SeriesInstanceUID", "SeriesNumber", "Modality", "FrameOfReferenceUID",
            "PositionReferenceIndicator"]),
        ImageData: image,
    };
}

function part(dataset, keywords) {
    return Object.fromEntries(keywords.filter((key) => key in dataset).map((key) => [key, dataset[key]]));
}

function load(sources) {
    cache.purgeCache();
    known.clear();
    return sources.map((path, index) => {
        const imageId = `test:${index}`;
        known.set(imageId, open(path));
        return imageId;
    });
}

function readByFrame(imageIds, seg) {
    const size = seg.Rows * seg.Columns;
    const bits = BitArray.unpack(seg.PixelData[0]);
    known.set("seg", Normalizer.normalizeToDataset([seg]));
    return Segmentation.createFromDicomSegImageId(imageIds, "seg", {
        metadataProvider: metaData,
        getFrameImageId: (imageId, number) => `${imageId}:${number}`,
        decodeImageData: async (imageId, number) => bits.slice((number - 1) * size, number * size),
    });
}

async function read(job) {
    const imageIds = load(job.sources);
    const seg = open(job.seg);
    // Frames that are no whole bytes: 5.14 takes the byte that makes Pixel Data even for part of a frame and fails, or
    // misreads, so it gets them the way the viewer does, one by one, unpacked by its own library.
    const unpacked = seg.BitsAllocated === 1 && (seg.Rows * seg.Columns) % 8 !== 0 && !job.asOneBuffer;
    const found = await (unpacked
        ? readByFrame(imageIds, seg)
        : Segmentation.createFromDICOMSegBuffer(imageIds, arrayBuffer(job.seg), { metadataProvider: metaData }));
    const names = {};
    for (const segment of found.segMetadata.data) if (segment) names[segment.SegmentNumber] = segment.SegmentLabel;
    // Overlapping segments come as several label maps.
    const slices = imageIds.map(() => ({}));
    for (const labelmap of found.labelMapImages)
        labelmap.forEach((image, index) => {
            for (const value of image.voxelManager.getScalarData())
                if (value) slices[index][value] = (slices[index][value] ?? 0) + 1;
        });
    return { names, slices };
}

async function write(job) {
    const imageIds = load(job.sources);
    const bytes = readFileSync(job.labelmap);
    const size = bytes.length / imageIds.length;
    const images = imageIds.map((imageId) => {
        const { Rows, Columns } = known.get(imageId);
        return { imageId, rows: Rows, columns: Columns, voxelManager: { getScalarData: () => new Int16Array(size) } };
    });
    const black = { CodeValue: "85756007", CodingSchemeDesignator: "SCT", CodeMeaning: "Tissue" };
    const metadata = job.names.map((name, index) => ({
        SegmentNumber: index + 1, SegmentLabel: name, SegmentAlgorithmType: "MANUAL",
        SegmentAlgorithmName: "brush", RecommendedDisplayCIELabValue: [43803, 26565, 37722],
        SegmentedPropertyCategoryCodeSequence: black, SegmentedPropertyTypeCodeSequence: black,
    }));
    const labelmaps2D = images.map(({ rows, columns }, index) => {
        const pixelData = new Uint8Array(bytes.subarray(index * size, (index + 1) * size));
        return { pixelData, rows, columns, segmentsOnLabelmap: [...new Set(pixelData)].filter(Boolean) };
    });
    const filled = labelmaps2D.filter((slice) => slice.segmentsOnLabelmap.length);
    const onAny = [...new Set(filled.flatMap((slice) => slice.segmentsOnLabelmap))];
    const labelmap3D = {
        segmentsOnLabelmap: onAny, metadata: [undefined, ...metadata],
        labelmaps2D: labelmaps2D.map((slice) => (slice.segmentsOnLabelmap.length ? slice : undefined)),
    };
    const storage = { BINARY: "1.2.840.10008.5.1.4.1.1.66.4", LABELMAP: "1.2.840.10008.5.1.4.1.1.66.7" };
    const made = Segmentation.generateSegmentation(images, labelmap3D, metaData, {
        sopClassUID: storage[job.kind], transferSyntaxUid: job.transferSyntax,
    });
    writeFileSync(job.seg, Buffer.from(dcmjs.data.datasetToDict(made.dataset).write()));
    return {};
}

const answers = [];
for (const job of JSON.parse(readFileSync(0, "utf-8"))) {
    try {
        answers.push(await { read, write }[job.task](job));
    } catch (error) {
        answers.push({ error: String(error.message ?? error) });
    }
}
process.stdout.write(JSON.stringify(answers), () => process.exit(0));
