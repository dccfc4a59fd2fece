// OHIF's { services, commandsManager, extensionManager }: it gives them to the extension when it registers it.
export const ohif = {};
