//! Reads the settings, and says where they are wrong.

use std::sync::Arc;

use crate::{
    Settings,
    diagnostic::{Diagnostic, Severity},
    source::{Source, Span},
};

impl Settings {
    /// Reads a settings file. Warnings and notes come with the settings, errors instead of them.
    ///
    /// # Errors
    /// The diagnostics, at least one of them an error, when the text is no TOML, has unknown keys or wrong values,
    /// or asks for what this version does not have.
    pub fn parse(source: &Source) -> Result<(Settings, Vec<Diagnostic>), Vec<Diagnostic>> {
        let shared = Arc::new(source.clone());
        toml::from_str::<Settings>(&source.text)
            .map(|settings| (settings, Vec::new()))
            .map_err(|error| vec![syntax(&error, &shared)])
    }
}

fn syntax(error: &toml::de::Error, source: &Arc<Source>) -> Diagnostic {
    let span: Option<Span> = error.span();
    Diagnostic {
        severity: Severity::Error,
        message: error.message().to_owned(),
        span,
        label: None,
        related: None,
        help: None,
        source: source.clone(),
    }
}
