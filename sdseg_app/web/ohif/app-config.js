// The configuration of OHIF for this server. A module, so that it runs before the deferred bundle.

import { reviewExtension } from './sdseg/extension.js';
import { monaiLabelMode, withoutMode } from './sdseg/mode.js';
import { presetServer } from './sdseg/server-address.js';

window.PUBLIC_URL = '/ohif/';
// The bundle loads modules that it does not know through this function.
window.browserImportFunction = moduleId => import(moduleId);
presetServer();

const dicomweb = `${window.location.origin}/dicom-web`;

window.config = {
  routerBasename: '/ohif/',
  showStudyList: true,
  extensions: [reviewExtension],
  // The mode of the same name in the bundle gives way; the microscope's loads files from the root of the server.
  modes: [monaiLabelMode, withoutMode('@ohif/mode-microscopy')],
  showWarningMessageForCrossOrigin: true,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  // A double click on a segmentation opens it; a question first would only cost a click.
  disableConfirmationPrompts: true,
  strictZSpacingForVolumeViewport: true,
  useSharedArrayBuffer: 'FALSE',
  investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'dicomweb',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'dicomweb',
      configuration: {
        friendlyName: 'The archive of this server',
        name: 'dicomweb',
        wadoUriRoot: dicomweb,
        qidoRoot: dicomweb,
        wadoRoot: dicomweb,
        qidoSupportsIncludeField: false,
        supportsReject: false,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        dicomUploadEnabled: false,
        singlepart: 'bulkdata,pdf,video',
        bulkDataURI: { enabled: true, relativeResolution: 'studies' },
      },
    },
  ],
};
