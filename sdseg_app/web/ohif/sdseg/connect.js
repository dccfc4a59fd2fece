// Pressing the panel's connect button for the person, once an image is there to draw on.

import { activeSeries } from './overlay.js';

const EVERY_MS = 200;

/** Resolves to false when `signal` was aborted before. */
export async function connect(services, signal) {
  while (!signal.aborted) {
    const button = connectButton();
    if (button && isReady(services)) {
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

function isReady(services) {
  const { viewportGridService, cornerstoneViewportService } = services;
  const { activeViewportId, viewports } = viewportGridService.getState();
  return Boolean(
    activeSeries(services) &&
      viewports.get(activeViewportId)?.isReady &&
      cornerstoneViewportService.getCornerstoneViewport(activeViewportId)?.getImageIds?.().length
  );
}
