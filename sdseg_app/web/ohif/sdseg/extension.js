// An OHIF extension that brings our panel.

import { keepOverlay } from './overlay.js';
import { ReviewPanel } from './review-panel.js';

const MONAI_LABEL = '@ohif/extension-monai-label.panelModule.monailabel';
const TAG = 'sdseg-review';

export const reviewExtension = {
  id: 'sdseg',
  preRegistration: ({ servicesManager, commandsManager, extensionManager }) => {
    ReviewPanel.ohif = { services: servicesManager.services, commandsManager, extensionManager };
    if (!customElements.get(TAG)) {
      customElements.define(TAG, ReviewPanel);
    }
  },
  onModeEnter: () => keepOverlay(ReviewPanel.ohif),
  getPanelModule: ({ extensionManager }) => [
    {
      name: 'review',
      iconName: 'tab-segmentation',
      iconLabel: 'Review',
      label: 'Review',
      component: () => elementLike(extensionManager.getModuleEntry(MONAI_LABEL).component()),
    },
  ],
};

// OHIF does not hand out its React: an element of another panel shows what one looks like.
function elementLike(element) {
  return { ...element, type: TAG, props: {}, key: null, ref: null };
}
