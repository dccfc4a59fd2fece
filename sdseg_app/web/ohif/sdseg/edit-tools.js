// The buttons of OHIF's segmentation tools: the bundled MONAI Label mode names them and does not bring them.

const RADIUS = { type: 'range', min: 0.5, max: 99.5, step: 0.5, value: 10 };

export function addEditTools({ toolbarService }) {
  toolbarService.addButtons([
    {
      id: 'BrushTools',
      uiType: 'ohif.buttonGroup',
      props: {
        groupId: 'BrushTools',
        items: [
          tool('Brush', 'icon-tool-brush', ['CircularBrush', 'SphereBrush']),
          tool('Eraser', 'icon-tool-eraser', ['CircularEraser', 'SphereEraser']),
        ],
      },
    },
    {
      id: 'Shapes',
      uiType: 'ohif.radioGroup',
      props: {
        label: 'Shapes',
        icon: 'icon-tool-shape',
        ...shapes('shape-mode', ['CircleScissor', 'SphereScissor', 'RectangleScissor']),
      },
    },
  ]);
}

function tool(name, icon, toolNames) {
  const prefix = name.toLowerCase();
  const radius = {
    ...RADIUS,
    name: 'Radius (mm)',
    id: `${prefix}-radius`,
    commands: { commandName: 'setBrushSize', commandOptions: { toolNames } },
  };
  const { evaluate, options } = shapes(`${prefix}-mode`, toolNames);
  return { id: name, icon, label: name, evaluate, options: [radius, ...options] };
}

// One tool a shape; the first word of its name says which.
function shapes(id, toolNames) {
  const label = toolName => ({ Ci: 'Circle', Sp: 'Sphere', Re: 'Rectangle' })[toolName.slice(0, 2)];
  return {
    evaluate: { name: 'evaluate.cornerstone.segmentation', toolNames },
    options: [
      {
        name: 'Shape',
        type: 'radio',
        id,
        value: toolNames[0],
        values: toolNames.map(value => ({ value, label: label(value) })),
        commands: 'setToolActiveToolbar',
      },
    ],
  };
}
