//! What the compiler has to say about a spec or its settings: what, where, and what to do.

use std::{fmt, sync::Arc};

use crate::source::{Position, Source, Span};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// Probably not what was meant; the session can run.
    Warning,
    /// No contract comes out of it.
    Error,
}

impl Severity {
    /// In lower case, as in `error: …`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One finding, with its place in one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is the matter, in one sentence.
    pub message: String,
    /// The bytes it is about; `None` where something is missing altogether.
    pub span: Option<Span>,
    /// A second place that it contradicts, in the same text, and what that is called.
    pub related: Option<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
    /// The text that it is about.
    pub source: Arc<Source>,
}

impl Diagnostic {
    pub(crate) fn new(
        severity: Severity,
        message: impl Into<String>,
        span: Option<Span>,
        source: &Arc<Source>,
    ) -> Self {
        let source = source.clone();
        Self { severity, message: message.into(), span, related: None, help: None, source }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Line and column of the finding; `None` where something is missing altogether.
    pub fn position(&self) -> Option<Position> {
        self.span.as_ref().map(|span| self.source.position(span.start))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Note => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.span.as_ref().map(|_| &*self.source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let first = self.span.clone()?;
        let label = miette::LabeledSpan::new_primary_with_span(None, first);
        let second =
            self.related.clone().map(|(span, name)| miette::LabeledSpan::new_with_span(Some(name), span));
        Some(Box::new(std::iter::once(label).chain(second)))
    }
}

impl miette::SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.text.as_str().read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}
