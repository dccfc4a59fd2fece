// Pressing the panel's connect button for the person, once an image is there to draw on.

import { activeSeries, OVERLAY } from './overlay.js';

const EVERY_MS = 200;
const UNTOLD_MS = 3000;
const ANSWER_MS = 10000;
const PRESSES = 5;

/** Until the panel shows its models; a press that came to nothing is repeated. Ends when `signal` is aborted. */
export async function connect(services, signal) {
  // Not before React has finished putting the panels into the page.
  await pause();
  for (let presses = 0; presses < PRESSES; presses += 1) {
    await until(() => connectButton() && canDraw(services), signal);
    if (signal.aborted || isConnected(services)) {
      return;
    }
    connectButton().click();
    await until(() => isConnected(services), AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
  }
}

export function connectButton() {
  return document.querySelector('.monaiLabelPanel .settingsTable button');
}

function isConnected({ segmentationService }) {
  return Boolean(document.querySelector('.monaiLabelPanel .tab-content') && segmentationService.getSegmentation(OVERLAY));
}

function canDraw(services) {
  return Boolean(activeSeries(services)) && isReady(services);
}

const seen = new WeakMap(); // viewport of Cornerstone -> since when it shows images

/**
 * Whether a viewport, the active one unless named, shows images.
 *
 * OHIF tells when it is ready, but forgets to when a layout is applied twice, as on a slow machine: what has shown
 * images for a while is ready too.
 */
export function isReady(services, viewportId = services.viewportGridService.getActiveViewportId()) {
  const { viewportGridService, cornerstoneViewportService } = services;
  const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportId);
  if (!viewport?.getImageIds?.().length) {
    return false;
  }
  if (!seen.has(viewport)) {
    seen.set(viewport, performance.now());
  }
  const told = viewportGridService.getState().viewports.get(viewportId)?.isReady;
  return Boolean(told) || performance.now() - seen.get(viewport) > UNTOLD_MS;
}

async function until(condition, signal) {
  while (!signal.aborted && !condition()) {
    await pause(EVERY_MS);
  }
}

function pause(milliseconds) {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
