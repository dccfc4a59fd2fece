// The bundled mode "MONAI Label" with our panel below its own, OHIF's segmentation tools in a second tab, and our way
// to open stored segmentations.

import { addEditTools } from './edit-tools.js';

const MODE = '@ohif/mode-monai-label';
const MONAI_LABEL = '@ohif/extension-monai-label.panelModule.monailabel';
const REVIEW = 'sdseg.panelModule.review';
const SEGMENTATIONS = '@ohif/extension-cornerstone-dicom-seg.sopClassHandlerModule.dicom-seg';
const STORED = { namespace: 'sdseg.viewportModule.stored-segmentation', displaySetsToDisplay: [SEGMENTATIONS] };
const TOOLS = '@ohif/extension-cornerstone.panelModule.panelSegmentationWithTools';

// A mode of this id comes before the bundled one, which OHIF then leaves out.
export const monaiLabelMode = {
  id: MODE,
  modeFactory: async ({ modeConfiguration, loadModules }) => {
    const [bundled] = await loadModules([MODE]);
    const mode = bundled.modeFactory({ modeConfiguration });
    return {
      ...mode,
      id: MODE,
      // One large slice and two small ones, where the bundled mode has three narrow ones.
      hangingProtocol: 'primaryAxial',
      routes: mode.routes.map(withReview),
      onModeEnter: context => {
        mode.onModeEnter(context);
        addEditTools(context.servicesManager.services);
      },
    };
  },
};

export function withoutMode(id) {
  return { id, modeFactory: () => null };
}

function withReview(route) {
  return {
    ...route,
    layoutTemplate: context => {
      const layout = route.layoutTemplate(context);
      // The first viewport that takes a kind of display set shows it.
      const viewports = [STORED, ...layout.props.viewports];
      return { ...layout, props: { ...layout.props, viewports, rightPanels: [[MONAI_LABEL, REVIEW], TOOLS] } };
    },
  };
}
