// The overlay of the MONAI Label panel, made safe for studies of several series.
//
// The panel knows one overlay, "1", which lies on the series that was active when it connected, and draws every later
// result into it, whatever series that is of. When it connects again, it empties the overlay.

import { countVoxels, seriesOf } from './labelmap.js';
import { ohif } from './ohif.js';

export const OVERLAY = '1';
const COMMAND = 'loadSegmentationsForViewport';
const CONTEXT = 'SEGMENTATION';

/** Make the command with which the panel makes its overlay keep the one of the same series. */
export function keepOverlay() {
  const { services, commandsManager } = ohif;
  const stock = commandsManager.getCommand(COMMAND, CONTEXT);
  if (!stock || stock.keepsOverlay) {
    return;
  }
  const commandFn = async options => {
    const { segmentationService, viewportGridService } = services;
    const kept = segmentationService.getSegmentation(OVERLAY);
    if (options.segmentations?.[0]?.segmentationId !== OVERLAY || !kept) {
      return stock.commandFn(options);
    }
    if (seriesOf(kept).series !== activeSeries(services)) {
      segmentationService.remove(OVERLAY);
      return stock.commandFn(options);
    }
    const viewportId = options.viewportId ?? viewportGridService.getActiveViewportId();
    await segmentationService.addSegmentationRepresentation(viewportId, { segmentationId: OVERLAY });
    return OVERLAY;
  };
  commandsManager.registerCommand(CONTEXT, COMMAND, { ...stock, commandFn, keepsOverlay: true });
}

/** Draw the overlay in the viewports that show its series, and make it the one that is worked on. */
export async function showOverlay() {
  const { segmentationService, viewportGridService, displaySetService } = ohif.services;
  const { series } = seriesOf(segmentationService.getSegmentation(OVERLAY));
  for (const { viewportId, displaySetInstanceUIDs } of viewportGridService.getState().viewports.values()) {
    if (displaySetService.getDisplaySetByUID(displaySetInstanceUIDs[0])?.SeriesInstanceUID === series) {
      await segmentationService.addSegmentationRepresentation(viewportId, { segmentationId: OVERLAY });
      segmentationService.setActiveSegmentation(viewportId, OVERLAY);
    }
  }
}

/** SeriesInstanceUID of the image in the active viewport, undefined without one. */
export function activeSeries({ viewportGridService, displaySetService }) {
  const { viewports, activeViewportId } = viewportGridService.getState();
  const [uid] = viewports.get(activeViewportId)?.displaySetInstanceUIDs ?? [];
  return uid && displaySetService.getDisplaySetByUID(uid)?.SeriesInstanceUID;
}

/** Why a result for the active viewport would be drawn wrongly, in a sentence; '' when it would not. */
export function obstacle(services) {
  const { segmentationService } = services;
  const overlay = segmentationService.getSegmentation(OVERLAY);
  if (!overlay) {
    return 'There is no overlay for the result; connect to the server again, with the button beside its address.';
  }
  if (seriesOf(overlay).series !== activeSeries(services)) {
    return countVoxels(overlay).size
      ? 'The overlay belongs to another series. Send or reject it, then press "Start on this series".'
      : 'The overlay belongs to another series; press "Start on this series".';
  }
  // The panel takes the numbers of its labels from the first segmentation, whichever that is.
  if (segmentationService.getSegmentations()[0].segmentationId !== OVERLAY) {
    return 'Another segmentation was opened before; reload the page to segment this series.';
  }
  return '';
}
