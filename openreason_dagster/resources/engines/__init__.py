"""One file per inference engine, all behind domain.inference.engine.Engine."""
