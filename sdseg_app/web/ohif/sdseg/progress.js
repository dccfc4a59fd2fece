// What the queue of the server says while the panel's Run waits for its answer.

import { jobsOf } from './server.js';

const EVERY_MS = 1000;

/** Tell `tell(sentence)` how the inference on `image` stands, until `ended()`. */
export async function watch(image, ended, tell) {
  while (!ended()) {
    const jobs = await jobsOf(image).catch(() => null);
    if (ended()) {
      return;
    }
    if (jobs?.length) {
      tell(sentence(jobs[0]));
    }
    await new Promise(resolve => setTimeout(resolve, EVERY_MS));
  }
}

export function sentence({ state, place, stage, done, total, eta_seconds: eta }) {
  if (state === 'waiting') {
    return place > 1 ? `Waiting: ${place - 1} before this one.` : 'Waiting: next in the queue.';
  }
  const left = eta > 0 ? `, about ${Math.ceil(eta)} s left` : '';
  if (stage === 'model' && total) {
    return `Segmenting: slice ${done} of ${total}${left}.`;
  }
  return { fetch: 'Fetching the images …', load: 'Reading the images …' }[stage] ?? `Working on it${left} …`;
}
