// The bundled mode "MONAI Label" with our panel below its own, and OHIF's segmentation tools in a second tab.

const MODE = '@ohif/mode-monai-label';
const MONAI_LABEL = '@ohif/extension-monai-label.panelModule.monailabel';
const REVIEW = 'sdseg.panelModule.review';
const TOOLS = '@ohif/extension-cornerstone.panelModule.panelSegmentationWithTools';

// A mode of this id comes before the bundled one, which OHIF then leaves out.
export const monaiLabelMode = {
  id: MODE,
  modeFactory: async ({ modeConfiguration, loadModules }) => {
    const [bundled] = await loadModules([MODE]);
    const mode = bundled.modeFactory({ modeConfiguration });
    return { ...mode, id: MODE, routes: mode.routes.map(withReview) };
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
      return { ...layout, props: { ...layout.props, rightPanels: [[MONAI_LABEL, REVIEW], TOOLS] } };
    },
  };
}
