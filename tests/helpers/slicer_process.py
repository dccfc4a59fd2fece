"""3D Slicer's own logic (PyPI `slicer-core`) in its own process: a JSON command a line in, a JSON answer a line out.

Its libraries take 250 MB and bring their own ITK. Each command is what the MONAI Label extension does with the server's
answers and before its requests; see plugins/slicer/MONAILabel/MONAILabel.py in MONAI Label's repository.
"""

import json
import sys

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

LEFT_OUT = ("background", "foreground_scribbles", "background_scribbles")


class Scene:
    """One scene with a volume and a segmentation of it."""

    def __init__(self):
        self.scene = slicer.vtkMRMLScene()
        self.logic = slicer.vtkSlicerSegmentationsModuleLogic()
        self.logic.SetMRMLScene(self.scene)

    def load_volume(self, path):
        """slicer.util.loadVolume and createSegmentNode; answers IJK to RAS (mm) and the number of voxels (i, j, k)."""
        self.volume = self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        self._read(path, self.volume)
        self.node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        self.segmentation = self.node.GetSegmentation()
        shape = self.volume.GetImageData().GetDimensions()
        return {"ijk_to_ras": matrix(self.volume.GetIJKToRASMatrix), "shape": shape}

    def save_volume(self, path):
        """onUploadImage"""
        return self._write(path, self.volume)

    def add_labels(self, colours):
        """updateSegmentationMask without a file, as initSample calls it: name -> colour (0 to 1) or null."""
        for name, colour in colours.items():
            if not self.segmentation.GetSegmentIdBySegmentName(name):
                self.segmentation.AddEmptySegment(name, name, colour)

    def show(self, path, labels):
        """updateSegmentationMask with a result file and the names of its values 1, 2 ..."""
        labelmap = self.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        self._read(path, labelmap)
        names = vtk.vtkStringArray()
        for label in labels:
            if label != "background":
                names.InsertNextValue(label)
        done = self.logic.ImportLabelmapToSegmentationNode(labelmap, self.node, names)
        self.scene.RemoveNode(labelmap)
        return done

    def segments(self):
        """Name, colour and voxels of each segment, and where they lie."""
        found = []
        for number in range(self.segmentation.GetNumberOfSegments()):
            number = self.segmentation.GetNthSegmentID(number)
            segment, image = self.segmentation.GetSegment(number), slicer.vtkOrientedImageData()
            self.node.GetBinaryLabelmapRepresentation(number, image)
            scalars = image.GetPointData().GetScalars()
            entry = {"name": segment.GetName(), "colour": segment.GetColor(), "voxels": 0}
            if scalars is not None:
                entry["voxels"] = int(np.count_nonzero(vtk_to_numpy(scalars)))
                entry["ijk_to_ras"] = matrix(image.GetImageToWorldMatrix)
            found.append(entry)
        return found

    def voxels(self, name, path):
        """The voxels of a segment on the volume's grid, as .npy (i, j, k)."""
        np.save(path, self._voxels(name))

    def draw(self, name, low, high, value=1):
        """Paint (or erase, value 0) a box, corners (i, j, k), half open; over others, as the Segment Editor does."""
        others = [self.segmentation.GetNthSegment(n).GetName() for n in range(self.segmentation.GetNumberOfSegments())]
        for other in others:
            if value and other != name:
                self.overlap(other, low, high, 0)
        return self.overlap(name, low, high, value)

    def overlap(self, name, low, high, value=1):
        """The same without a change to others: the Segment Editor where segments may overlap."""
        array = self._voxels(name)
        array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = value
        image = slicer.vtkOrientedImageData()
        image.DeepCopy(self.volume.GetImageData())
        image.SetGeometryFromImageToWorldMatrix(matrix_of(self.volume.GetIJKToRASMatrix))
        image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(order="F").astype(np.uint8), deep=True))
        number = self.segmentation.GetSegmentIdBySegmentName(name)
        return self.logic.SetBinaryLabelmapToSegment(image, self.node, number, self.logic.MODE_REPLACE)

    def save_label(self, path):
        """onSaveLabel up to the request: writes the file and answers label_info."""
        info, chosen = [], vtk.vtkStringArray()
        for place in range(self.segmentation.GetNumberOfSegments()):
            number = self.segmentation.GetNthSegmentID(place)
            name = self.segmentation.GetSegment(number).GetName()
            if name not in LEFT_OUT:
                chosen.InsertNextValue(number)
                info.append({"name": name, "idx": place + 1})
        if path.endswith(".seg.nrrd"):  # the setting MONAILabel/allowOverlappingSegments
            self._write(path, self.node)
            return info
        labelmap = self.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        self.logic.ExportSegmentsToLabelmapNode(self.node, chosen, labelmap, self.volume)
        self._write(path, labelmap)
        return info

    def _voxels(self, name):
        chosen, labelmap = vtk.vtkStringArray(), self.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        chosen.InsertNextValue(self.segmentation.GetSegmentIdBySegmentName(name))
        self.logic.ExportSegmentsToLabelmapNode(self.node, chosen, labelmap, self.volume)
        image = labelmap.GetImageData()
        array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions(), order="F") > 0
        self.scene.RemoveNode(labelmap)
        return array.astype(np.uint8)

    def _read(self, path, node):
        storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
        self.scene.AddNode(storage)
        storage.SetFileName(path)
        storage.SetCenterImage(False)
        if not storage.ReadData(node):
            raise RuntimeError(f"Slicer does not read {path}")

    def _write(self, path, node):
        kinds = slicer.vtkMRMLVolumeArchetypeStorageNode, slicer.vtkMRMLSegmentationStorageNode
        storage = kinds[node.IsA("vtkMRMLSegmentationNode")]()
        self.scene.AddNode(storage)
        storage.SetFileName(path)
        if not storage.WriteData(node):
            raise RuntimeError(f"Slicer does not write {path}")


def matrix_of(getter):
    values = vtk.vtkMatrix4x4()
    getter(values)
    return values


def matrix(getter):
    values = matrix_of(getter)
    return [[values.GetElement(row, column) for column in range(4)] for row in range(4)]


def main():
    scene, answers = Scene(), sys.__stdout__
    for line in sys.stdin:
        command, arguments = json.loads(line)
        if command == "new_scene":
            scene, answer = Scene(), None
        else:
            answer = getattr(scene, command)(*arguments)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
