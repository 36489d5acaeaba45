// Who uses IOIKit has the engine as well.
@_exported import GPT2Kit
