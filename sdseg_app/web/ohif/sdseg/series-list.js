// Showing a series in OHIF's list that came into the archive after the study was opened.

import { ohif } from './ohif.js';

/** Ask the archive for one series; OHIF then makes a display set of it and lists it. Throws when it did not. */
export async function listSeries(study, series) {
  const { displaySetService } = ohif.services;
  if (displaySetService.getDisplaySetsForSeries(series).length) {
    return;
  }
  const [source] = ohif.extensionManager.getActiveDataSource();
  forgetStudy(source, study);
  await source.retrieve.series.metadata({ StudyInstanceUID: study, filters: { seriesInstanceUID: [series] } });
  // Else the study would have this one series only when somebody opens it again.
  forgetStudy(source, study);
  if (!displaySetService.getDisplaySetsForSeries(series).length) {
    throw new Error(`The viewer did not take the series ${series}.`);
  }
}

// OHIF keeps what it asked about a study under another key than the one its own function deletes.
function forgetStudy(source, study) {
  source.deleteStudyMetadataPromise(`${source.getConfig().name}:${study}`);
}
