// "Next study to label": asks the server which, and opens it.

import { countVoxels, currentSegmentation } from './labelmap.js';
import { ohif } from './ohif.js';
import { activeSeries } from './overlay.js';
import { nextSample } from './server.js';

const LAYOUT = `
  <section aria-labelledby="sdseg-next-title">
    <h2 id="sdseg-next-title">Next study to label</h2>
    <select aria-label="Which study">
      <option value="random">At random</option>
      <option value="first">In order</option>
      <option value="sdseg_uncertainty">Least sure and new</option>
    </select>
    <button type="button">Open</button>
    <p role="status" data-part="next-told"></p>
  </section>`;

/** Within a `sdseg-review`, which tells by the event `sdseg-settled` that what is drawn was sent or rejected. */
export class NextStudy extends HTMLElement {
  connectedCallback() {
    this.innerHTML = LAYOUT;
    const { segmentationService } = ohif.services;
    const { SEGMENTATION_DATA_MODIFIED } = segmentationService.EVENTS;
    this.drawn = segmentationService.subscribe(SEGMENTATION_DATA_MODIFIED, () => (this.unsent = true));
    this.closest('sdseg-review').addEventListener('sdseg-settled', () => (this.unsent = false));
    this.querySelector('button').addEventListener('click', ({ target }) => this.open(target));
  }

  disconnectedCallback() {
    this.drawn.unsubscribe();
  }

  async open(button) {
    if (this.unsent && isDrawn()) {
      this.unsent = false; // the next press means it
      this.tell('What is drawn here was not sent. Send it, or press Open again to leave it.');
      return;
    }
    button.disabled = true;
    try {
      this.goTo(await nextSample(this.querySelector('select').value));
    } catch (error) {
      this.tell(error.message, true);
    } finally {
      button.disabled = false;
    }
  }

  goTo({ id, study }) {
    if (!id) {
      this.tell('Nothing is left to label.');
    } else if (id === activeSeries(ohif.services)) {
      this.tell('It is this one.');
    } else {
      window.location.assign(`/ohif/monai-label?${new URLSearchParams({ StudyInstanceUIDs: study })}`);
    }
  }

  tell(sentence, isError = false) {
    const told = this.querySelector('[data-part="next-told"]');
    told.textContent = sentence;
    told.classList.toggle('error', isError);
  }
}

function isDrawn() {
  const segmentation = currentSegmentation(ohif.services);
  return Boolean(segmentation && countVoxels(segmentation).size);
}
