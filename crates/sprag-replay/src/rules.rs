//! How a request is recognised, classed and redacted: the `[replay]` table of the settings, compiled.
