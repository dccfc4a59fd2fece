// What our panel asks the server of this page.

/** What is decided about an image: see GET /review/{image}. */
export function getReview(image) {
  return asJson(fetch(`/review/${encodeURIComponent(image)}`));
}

/** Throws an Error with the server's sentence. */
export function postReview(image, verdict) {
  return asJson(
    fetch(`/review/${encodeURIComponent(image)}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(verdict),
    })
  );
}

/** Save a labelmap as final label, which files it in the archive as DICOM SEG. Throws as above. */
export function putLabel(image, file, params) {
  const form = new FormData();
  form.append('params', JSON.stringify(params));
  form.append('label', file, 'label.nrrd');
  return asJson(
    fetch(`/datastore/label?${new URLSearchParams({ image, tag: 'final' })}`, { method: 'PUT', body: form })
  );
}

/** Which image to label next by a strategy, with its study; {} when nothing is left. Throws as above. */
export function nextSample(strategy) {
  return asJson(
    fetch(`/activelearning/${strategy}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ client_id: browserName() }),
    })
  );
}

/** Where the server has no users, two browsers must not be given the same study: their names tell them apart. */
function browserName() {
  const known = localStorage.getItem('sdseg-browser');
  const name = known ?? `browser-${Math.random().toString(36).slice(2, 8)}`;
  localStorage.setItem('sdseg-browser', name);
  return name;
}

/** The running and waiting inferences on an image; see GET /jobs/. */
export async function jobsOf(image) {
  const { running = [], waiting = [] } = await asJson(fetch('/jobs/'));
  return [...running, ...waiting].filter(job => job.image === image);
}

/** Why the last inference on `image` failed, in the server's words; "" where it did not. */
export async function whyFailed(image) {
  const { recent = [] } = await asJson(fetch('/jobs/'));
  const last = recent.find(job => job.image === image);
  return last?.state === 'failed' ? last.detail : '';
}

async function asJson(request) {
  const response = await request.catch(() => {
    throw new Error('The server does not answer.');
  });
  const told = await response.json().catch(() => ({}));
  if (!response.ok) {
    const { detail } = told;
    throw new Error(typeof detail === 'string' ? detail : `The server answered ${response.status}.`);
  }
  return told;
}
