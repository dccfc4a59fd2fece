// Opening a stored DICOM SEG over its images.
//
// OHIF 3.10 shows a SEG in a viewport of its own first, which fails where the viewport is a volume ("Something went
// wrong"), and those of the MONAI Label mode are. This element takes the place of that viewport: it loads the SEG,
// gives the viewport its images back and draws the segments over them.

import { isReady } from './connect.js';
import { ohif } from './ohif.js';

const EVERY_MS = 100;

export class StoredSegmentation extends HTMLElement {
  connectedCallback() {
    this.textContent = 'Opening the segmentation …';
    open(this.dataset.displaySet, this.dataset.viewport).catch(tell);
  }
}

async function open(uid, viewportId) {
  const { displaySetService, viewportGridService, segmentationService } = ohif.services;
  const segmentation = displaySetService.getDisplaySetByUID(uid);
  const images = segmentation.referencedDisplaySetInstanceUID;
  if (!images) {
    throw new Error('Its images are not in this study.');
  }
  try {
    await segmentation.load({ headers: {} });
  } finally {
    viewportGridService.setDisplaySetsForViewport({ viewportId, displaySetInstanceUIDs: [images] });
  }
  await imagesIn(viewportId);
  await segmentationService.addSegmentationRepresentation(viewportId, { segmentationId: uid });
  segmentationService.setActiveSegmentation(viewportId, uid);
  useOwnColours(viewportId, segmentation);
  segmentation.isHydrated = true;
}

// OHIF reads the colours of the SEG and then draws all segmentations in those of the first.
function useOwnColours(viewportId, { displaySetInstanceUID, segMetadata }) {
  const { color } = window.cornerstoneTools.segmentation.config;
  const table = [[0, 0, 0, 0]];
  for (const { SegmentNumber, rgba } of segMetadata.data.filter(Boolean)) {
    if (rgba) {
      table[SegmentNumber] = [...rgba.slice(0, 3), 255];
    }
  }
  const filled = Array.from(table, one => one ?? [0, 0, 0, 0]);
  color.setColorLUT(viewportId, displaySetInstanceUID, color.addColorLUT(filled));
}

/** Until the viewport has its images again. */
async function imagesIn(viewportId) {
  while (!isReady(ohif.services, viewportId)) {
    await new Promise(resolve => setTimeout(resolve, EVERY_MS));
  }
}

function tell(error) {
  ohif.services.uiNotificationService.show({
    title: 'Segmentation',
    message: `The segmentation cannot be shown. ${error.message}`,
    type: 'error',
    duration: 8000,
  });
}
