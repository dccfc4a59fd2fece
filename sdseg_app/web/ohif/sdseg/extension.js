// An OHIF extension that brings our panel, and a viewport that opens stored segmentations.

import { mendExport } from './export.js';
import { NextStudy } from './next-study.js';
import { ohif } from './ohif.js';
import { keepOverlay } from './overlay.js';
import { ReviewPanel } from './review-panel.js';
import { StoredSegmentation } from './stored-segmentation.js';

export const EXTENSION = 'sdseg';
const MONAI_LABEL = '@ohif/extension-monai-label.panelModule.monailabel';
const ELEMENTS = {
  'sdseg-review': ReviewPanel,
  'sdseg-next': NextStudy,
  'sdseg-stored-segmentation': StoredSegmentation,
};

export const reviewExtension = {
  id: EXTENSION,
  preRegistration: ({ servicesManager, commandsManager, extensionManager }) => {
    Object.assign(ohif, { services: servicesManager.services, commandsManager, extensionManager });
    Object.entries(ELEMENTS).forEach(([tag, kind]) => customElements.define(tag, kind));
  },
  onModeEnter: () => {
    keepOverlay();
    mendExport();
  },
  getPanelModule: () => [
    {
      name: 'review',
      iconName: 'tab-segmentation',
      iconLabel: 'Review',
      label: 'Review',
      component: () => reactElement('sdseg-review'),
    },
  ],
  getViewportModule: () => [
    {
      name: 'stored-segmentation',
      component: ({ displaySets, viewportId }) =>
        reactElement('sdseg-stored-segmentation', {
          'data-display-set': displaySets[0].displaySetInstanceUID,
          'data-viewport': viewportId,
        }),
    },
  ],
};

// OHIF does not hand out its React: an element of another panel shows what one looks like.
function reactElement(type, props = {}) {
  const other = ohif.extensionManager.getModuleEntry(MONAI_LABEL).component();
  return { ...other, type, props, key: null, ref: null };
}
