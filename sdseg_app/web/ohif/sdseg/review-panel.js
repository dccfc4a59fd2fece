// Our panel below MONAI Label's: accept, reject, use for training.

import { connect, connectButton } from './connect.js';
import { countVoxels, currentSegmentation, labelInfo, seriesOf, slicesOf } from './labelmap.js';
import { nrrdFile } from './nrrd.js';
import { ohif } from './ohif.js';
import { activeSeries, obstacle, OVERLAY, showOverlay } from './overlay.js';
import { watch } from './progress.js';
import { listSeries } from './series-list.js';
import { getReview, postReview, putLabel, whyFailed } from './server.js';

const DRAWING_MS = 200;
const DRAWING_TRIES = 50;

const LAYOUT = `
  <section aria-labelledby="sdseg-title">
    <h2 id="sdseg-title">Review</h2>
    <p data-part="overlay"></p>
    <p data-part="uncertainty"></p>
    <p data-part="verdict"></p>
    <button type="button" data-part="restart" hidden>Start on this series</button>
    <button type="button" data-part="accept">Accept and send to PACS</button>
    <button type="button" data-part="reject" aria-expanded="false" aria-controls="sdseg-reason-form">Reject …</button>
    <form id="sdseg-reason-form" data-part="form" hidden>
      <label for="sdseg-reason">What is wrong? (no names)</label>
      <input id="sdseg-reason" data-part="reason" maxlength="500" required autocomplete="off">
      <button type="submit">Reject</button>
      <button type="button" data-part="cancel">Cancel</button>
    </form>
    <label class="training"><input type="checkbox" data-part="training" checked> Use for training</label>
    <p role="status" data-part="told"></p>
  </section>
  <sdseg-next></sdseg-next>`;

export class ReviewPanel extends HTMLElement {
  connectedCallback() {
    this.innerHTML = LAYOUT;
    this.parts = Object.fromEntries(
      Array.from(this.querySelectorAll('[data-part]'), part => [part.dataset.part, part])
    );
    this.closing = new AbortController();
    this.listen();
    connect(ohif.services, this.closing.signal);
    this.refresh();
  }

  disconnectedCallback() {
    this.closing.abort();
    this.subscriptions.forEach(({ unsubscribe }) => unsubscribe());
  }

  listen() {
    const { segmentationService, viewportGridService } = ohif.services;
    const { accept, reject, cancel, form, training, restart } = this.parts;
    accept.addEventListener('click', () => this.busy(() => this.accept()));
    reject.addEventListener('click', () => this.askReason(form.hidden));
    cancel.addEventListener('click', () => this.askReason(false));
    form.addEventListener('submit', event => {
      event.preventDefault();
      this.busy(() => this.reject());
    });
    training.addEventListener('change', () => this.busy(() => this.useForTraining()));
    restart.addEventListener('click', () => connectButton()?.click());
    // Keys of OHIF's own must not fire while somebody types here.
    this.addEventListener('keydown', event => event.stopPropagation());
    document.addEventListener('click', event => this.guardRun(event), {
      capture: true,
      signal: this.closing.signal,
    });
    const changes = [
      [segmentationService, 'SEGMENTATION_ADDED'],
      [segmentationService, 'SEGMENTATION_REMOVED'],
      [segmentationService, 'SEGMENTATION_MODIFIED'],
      [segmentationService, 'SEGMENTATION_REPRESENTATION_MODIFIED'],
      [viewportGridService, 'ACTIVE_VIEWPORT_ID_CHANGED'],
      [viewportGridService, 'GRID_STATE_CHANGED'],
    ];
    this.subscriptions = changes
      .filter(([service, name]) => service.EVENTS[name])
      .map(([service, name]) => service.subscribe(service.EVENTS[name], () => this.refreshSoon()));
    const { SEGMENTATION_DATA_MODIFIED } = segmentationService.EVENTS;
    this.subscriptions.push(
      segmentationService.subscribe(SEGMENTATION_DATA_MODIFIED, changed => this.resultDrawn(changed))
    );
  }

  refreshSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.isConnected && this.refresh(), 300);
  }

  /** The image in question: that of the overlay, else the one in the active viewport. */
  image() {
    const segmentation = currentSegmentation(ohif.services);
    return segmentation ? seriesOf(segmentation).series : activeSeries(ohif.services);
  }

  async refresh() {
    const { services } = ohif;
    const segmentation = currentSegmentation(services);
    const counts = segmentation ? countVoxels(segmentation) : new Map();
    this.parts.overlay.textContent = counts.size
      ? Array.from(counts, ([idx, count]) => `${segmentation.segments[idx]?.label ?? idx}: ${grouped(count)} voxels`).join(', ')
      : 'Nothing is segmented yet.';
    this.parts.accept.disabled = !counts.size;
    const overlay = services.segmentationService.getSegmentation(OVERLAY);
    this.parts.restart.hidden = !overlay || seriesOf(overlay).series === activeSeries(services);
    const image = this.image();
    if (image && image !== this.known) {
      this.known = image;
      await this.showReview(getReview(image));
    }
  }

  async showReview(asked) {
    const review = await asked.catch(error => this.tell(error.message, true));
    if (!review) {
      return;
    }
    this.parts.training.checked = review.training;
    const said = { accept: 'Accepted', reject: 'Rejected' }[review.verdict];
    const reason = review.reason ? `: ${review.reason}` : '';
    const { uncertainty } = review;
    this.parts.uncertainty.textContent =
      uncertainty === null ? '' : `Uncertainty: ${Math.round(100 * uncertainty)} % between several noises.`;
    this.parts.verdict.textContent = said ? `${said} by ${review.user}${reason}` : '';
  }

  async accept() {
    const segmentation = currentSegmentation(ohif.services);
    const { series, study } = seriesOf(segmentation);
    const info = labelInfo(segmentation, countVoxels(segmentation));
    this.tell('Sending …');
    await putLabel(series, await nrrdFile(slicesOf(segmentation)), { label_info: info, ...this.model() });
    const review = await postReview(series, { verdict: 'accept', use: this.parts.training.checked });
    await this.showReview(Promise.resolve(review));
    this.dispatchEvent(new Event('sdseg-settled'));
    const names = info.map(({ name }) => name).join(', ');
    this.tell(`Sent: ${names} is in the archive as DICOM SEG.`);
    await listSeries(study, review.segmentation.series).catch(() =>
      this.tell(`Sent: ${names} is in the archive as DICOM SEG; reload the page to see it in the list.`)
    );
  }

  async reject() {
    const review = await postReview(this.image(), { verdict: 'reject', reason: this.parts.reason.value });
    this.askReason(false);
    this.dispatchEvent(new Event('sdseg-settled'));
    await this.showReview(Promise.resolve(review));
    this.tell('Rejected: nothing is sent, and this result is not used for training.');
  }

  async useForTraining() {
    const use = this.parts.training.checked;
    await this.showReview(postReview(this.image(), { verdict: 'training', use }));
    this.tell(use ? 'The label of this series may be used for training.' : 'Not used for training.');
  }

  askReason(open) {
    this.parts.form.hidden = !open;
    this.parts.reject.setAttribute('aria-expanded', String(open));
    (open ? this.parts.reason : this.parts.reject).focus();
  }

  /** Stops a Run whose result would be drawn on the wrong series; tells how the others get on. */
  guardRun(event) {
    const run = event.target.closest?.('.monaiLabelPanel .tab-content button');
    if (run?.textContent.trim() !== 'Run') {
      return;
    }
    const reason = obstacle(ohif.services);
    if (reason) {
      event.stopPropagation();
      event.preventDefault();
      this.tell(reason, true);
      return;
    }
    this.tell('Asking the server …');
    this.watchRun(activeSeries(ohif.services));
  }

  watchRun(image) {
    const run = new AbortController();
    let status = 0;
    const answers = new PerformanceObserver(list => {
      const answer = list.getEntries().find(entry => new URL(entry.name).pathname.startsWith('/infer/'));
      if (answer) {
        status = answer.responseStatus;
        run.abort();
      }
    });
    answers.observe({ type: 'resource' });
    this.running = true;
    this.latest = run;
    // Somebody who accepts a result at once hears of that, and not of the run any more.
    const say = (sentence, isError) => this.latest === run && this.tell(sentence, isError);
    const ended = () => run.signal.aborted || this.closing.signal.aborted;
    watch(image, ended, sentence => say(sentence)).then(() => {
      answers.disconnect();
      return status >= 400 ? this.tellWhy(image, status, say) : this.tellIfNothing(say);
    });
  }

  /** MONAI Label's panel only says that it failed. */
  async tellWhy(image, status, say) {
    this.running = false;
    const reason = await whyFailed(image).catch(() => '');
    say(reason || `The server refused this (${status}); its status page tells more.`, true);
  }

  /** An empty result must not look like one that is still to come. */
  async tellIfNothing(say) {
    for (let tries = 0; this.running && tries < DRAWING_TRIES; tries += 1) {
      await new Promise(resolve => setTimeout(resolve, DRAWING_MS));
    }
    const segmentation = currentSegmentation(ohif.services);
    const found = segmentation && countVoxels(segmentation).size;
    say(found ? '' : 'The model found nothing in this series.', !found);
  }

  /** A result was drawn: what is sent from now on is this one, not a segmentation that was opened before. */
  resultDrawn({ segmentationId }) {
    if (this.running && segmentationId === OVERLAY) {
      this.running = false;
      showOverlay();
    }
    this.refreshSoon();
  }

  /** The model chosen in the panel above. */
  model() {
    const model = document.querySelector('.monaiLabelPanel select.selectBox')?.value;
    return model ? { model } : {};
  }

  async busy(action) {
    this.latest = null;
    const buttons = Array.from(this.querySelectorAll('button, input'));
    const focused = document.activeElement;
    buttons.forEach(button => (button.disabled = true));
    try {
      await action();
    } catch (error) {
      this.tell(error.message, true);
    } finally {
      buttons.forEach(button => (button.disabled = false));
      focused?.focus();
      this.refresh();
    }
  }

  tell(sentence, isError = false) {
    this.parts.told.textContent = sentence;
    this.parts.told.classList.toggle('error', isError);
  }
}

function grouped(number) {
  return number.toLocaleString('en-GB');
}
