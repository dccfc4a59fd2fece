// "Export DICOM SEG" and "Download DICOM SEG" in the menu of OHIF's segmentation panel.
//
// OHIF 3.10 has two commands to store and runs the one that wants to be told where: it fails after the question for a
// name, and nobody is told. And its adapter sorts the images but not the segments on them: where the slices of the
// viewport lie the other way round, the SEG is upside down.

import { imagesDownwards } from './labelmap.js';
import { ohif } from './ohif.js';

const CONTEXT = 'SEGMENTATION';

/** Make OHIF's commands write what is drawn, into the archive of this server, and say what became of it. */
export function mendExport() {
  replace('generateSegmentation', stock => options => inOrder(options.segmentationId, () => stock(options)));
  replace('downloadSegmentation', stock => options => inOrder(options.segmentationId, () => stock(options)));
  replace('storeSegmentation', stock => async options => {
    try {
      const stored = await stock({ ...options, dataSource: archiveFor(options) });
      if (stored) {
        tell('The segmentation is in the archive as DICOM SEG.', 'success');
      }
      return stored;
    } catch (error) {
      tell(`The segmentation was not stored. ${error.message}`, 'error');
      return undefined;
    }
  });
}

function replace(name, made) {
  const stock = ohif.commandsManager.getCommand(name, CONTEXT);
  if (stock && !stock.mended) {
    ohif.commandsManager.registerCommand(CONTEXT, name, { ...stock, commandFn: made(stock.commandFn), mended: true });
  }
}

// Storing asks for a name first, and does not write by the command: what it wrote is written again, in order.
function archiveFor({ segmentationId, dataSource = ohif.extensionManager.getActiveDataSource()[0] }) {
  const dicom = async (dataset, ...others) => {
    const options = { SeriesDescription: dataset.SeriesDescription };
    const again = ohif.commandsManager.runCommand('generateSegmentation', { segmentationId, options }, CONTEXT);
    Object.assign(dataset, again.dataset);
    await dataSource.store.dicom(dataset, ...others);
  };
  return { ...dataSource, store: { ...dataSource.store, dicom } };
}

/** `write()`, which must not wait, with the slices of the segmentation as the adapter sorts their images. */
function inOrder(segmentationId, write) {
  const labelmap = ohif.services.segmentationService.getSegmentation(segmentationId).representationData.Labelmap;
  const { imageIds } = labelmap;
  labelmap.imageIds = imagesDownwards(imageIds);
  try {
    return write();
  } finally {
    labelmap.imageIds = imageIds;
  }
}

function tell(message, type) {
  ohif.services.uiNotificationService.show({ title: 'Export DICOM SEG', message, type, duration: 8000 });
}
