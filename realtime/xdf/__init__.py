"""Writing XDF, the file format of LabRecorder."""
