// Pressing the panel's connect button for the person, once an image is there to draw on.

import { activeSeries } from './overlay.js';

const EVERY_MS = 200;

/** Resolves to false when `signal` was aborted before. */
export async function connect(services, signal) {
  // Not before React has finished putting the panels into the page.
  await new Promise(resolve => setTimeout(resolve));
  while (!signal.aborted) {
    const button = connectButton();
    if (button && activeSeries(services) && isReady(services)) {
      button.click();
      return true;
    }
    await new Promise(resolve => setTimeout(resolve, EVERY_MS));
  }
  return false;
}

export function connectButton() {
  return document.querySelector('.monaiLabelPanel .settingsTable button');
}

/** Whether a viewport, the active one unless named, shows images. */
export function isReady(services, viewportId = services.viewportGridService.getActiveViewportId()) {
  const { viewportGridService, cornerstoneViewportService } = services;
  return Boolean(
    viewportGridService.getState().viewports.get(viewportId)?.isReady &&
      cornerstoneViewportService.getCornerstoneViewport(viewportId)?.getImageIds?.().length
  );
}
