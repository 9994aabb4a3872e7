//! The report on a terminal: coloured standings, and findings with the lines that they are about.

use std::sync::Arc;

use console::Style;
use miette::{GraphicalReportHandler, GraphicalTheme};
use sprag_contract::{Diagnostic, Look, Source, Tone, report_diagnostic};

/// A terminal.
pub(super) struct Terminal {
    colours: bool,
    handler: GraphicalReportHandler,
}

impl Terminal {
    pub(super) fn new(colours: bool, width: usize) -> Self {
        let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
        Self { colours, handler }
    }
}

impl Look for Terminal {
    fn word(&self, tone: Tone, word: &str) -> String {
        let style = match tone {
            Tone::Good => Style::new().green(),
            Tone::Neutral => Style::new().cyan(),
            Tone::Weak => Style::new().yellow(),
            Tone::Bad => Style::new().red().bold(),
        };
        style.force_styling(self.colours).apply_to(word).to_string()
    }

    fn diagnostic(&self, diagnostic: &Diagnostic) -> String {
        let mut shown = harmless(diagnostic);
        if shown.span.is_none() {
            // Without a place there is no snippet to name the file.
            shown.message = format!("{}: {}", shown.source.name, shown.message);
        }
        let mut out = String::new();
        match self.handler.render_report(&mut out, &shown) {
            Ok(()) => out,
            Err(_) => report_diagnostic(diagnostic),
        }
    }
}

/// The finding with nothing in it that steers a terminal. Every byte stays where it was, so that the places hold.
fn harmless(diagnostic: &Diagnostic) -> Diagnostic {
    let clean = |text: &str| -> String {
        text.chars()
            .flat_map(|c| {
                let steers = c.is_control() && c != '\n' && c != '\t';
                std::iter::repeat_n(if steers { '?' } else { c }, if steers { c.len_utf8() } else { 1 })
            })
            .collect()
    };
    let source = Source::new(&diagnostic.source.name, clean(&diagnostic.source.text));
    Diagnostic {
        message: clean(&diagnostic.message),
        help: diagnostic.help.as_deref().map(clean),
        source: Arc::new(source),
        ..diagnostic.clone()
    }
}

#[cfg(test)]
mod tests {
    use sprag_contract::{Surroundings, compile, report_as};

    use super::*;

    fn shown(spec: &str, colours: bool) -> String {
        let compiled = compile(&Source::new(".auto/prompt.md", spec), None, &Surroundings::default());
        report_as(&compiled, &Terminal::new(colours, 80))
    }

    #[test]
    fn a_finding_shows_the_line_that_it_is_about() {
        let spec = "# Faster\n## Metrics\n- **Primary**: p95_ms (ms, lower is better)\n## Files in Scope\n- src/**\n\
                    ## Constraints\n- p95_ms <= 30\n";
        insta::assert_snapshot!(shown(spec, false), @"
           3  ENFORCED  p95_ms (ms, lower is better)
                        by the judge: a keep needs p95_ms lower beyond the noise
           5  ENFORCED  src/**
                        by scope: a candidate may change these, and nothing else
           7  ADVISORY  p95_ms <= 30
                        to enforce it: to stop there, write `when p95_ms <= 30` under Stop

          × `p95_ms` is optimized, so it cannot be a control too
           ╭─[.auto/prompt.md:7:3]
         2 │ ## Metrics
         3 │ - **Primary**: p95_ms (ms, lower is better)
           ·                ───┬──
           ·                   ╰── the primary metric
         4 │ ## Files in Scope
         5 │ - src/**
         6 │ ## Constraints
         7 │ - p95_ms <= 30
           ·   ────────────
           ╰────
          help: to stop there, write `when p95_ms <= 30` under Stop

          NO   one number: the metric has a name, and nothing measures it
               add: ## How to Run
                    `./.auto/measure.sh` — prints `METRIC p95_ms=<number>`
          no   a binary correctness check: the fastest code is code that does nothing: something must say yes or no to its output
               add: a script .auto/checks.sh that exits 0 only when the output is right
          no   controls that make cheating visible: a second number with a bound shows when the first one was bought by doing less work
               add: ## Metrics
                    - **Secondary**: api_calls
                    ## Constraints
                    - api_calls unchanged
          yes  a bounded scope: 1 entry in scope, 0 off limits
          ?    a fast loop: every candidate costs several runs: `sprag bench` measures one
          no   a stop rule: without one the session goes on, and costs money, long after the last gain
               add: ## Stop
                    - after 5 consecutive discards

        not ready: 1 error, 1 required part missing
        ");
    }

    #[test]
    fn colours_are_only_there_when_they_are_wanted() {
        assert!(!shown("make the app better", false).contains('\x1b'));
        assert!(shown("make the app better", true).contains("\x1b[31m"));
    }

    #[test]
    fn a_spec_cannot_steer_the_terminal() {
        let spec =
            "# x\n## Metrics\n- **Primary**: \x1b[2Jp95\u{9b}2J ms (ms\x1b]0;evil\x07, lower is better)\n";
        let out = shown(spec, false);
        assert!(!out.contains(['\x1b', '\u{9b}', '\x07']), "{out:?}");
    }
}
