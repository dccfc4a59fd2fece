// Showing a series in OHIF's list that came into the archive after the study was opened.

/** Ask the archive for one series; OHIF then makes a display set of it and lists it. Resolves to true when it did. */
export async function listSeries({ services, extensionManager }, study, series) {
  const { displaySetService } = services;
  if (displaySetService.getDisplaySetsForSeries(series).length) {
    return true;
  }
  const [source] = extensionManager.getActiveDataSource();
  // It remembers what it asked about a study.
  source.deleteStudyMetadataPromise(study);
  await source.retrieve.series.metadata({
    StudyInstanceUID: study,
    filters: { seriesInstanceUID: series },
    madeInClient: true,
  });
  return true;
}
