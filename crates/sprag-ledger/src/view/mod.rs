//! What people are shown: tables, one run, the state of a session. Each view is a value that serializes to the
//! documented JSON of `--json`, and has a method that renders it as plain text.

mod bill;
mod number;
mod red_team;
mod run;
mod safe;
mod status;
mod table;

pub use bill::{AmountView, BillView, BudgetView, bill_view};
pub use number::{change, count, duration, number};
pub use red_team::RedTeamView;
pub use run::{RunView, run_view};
pub use safe::{clip, sanitize};
pub use status::{StatusView, status_view};
pub use table::{LogView, RowView, SegmentView, log_view};

use serde::Serialize;
use sprag_judge::Direction;

use crate::{Grade, Mark, Segment, Session};

/// What is optimized.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricView {
    /// The metric's name.
    pub name: String,
    /// Its unit; empty where there is none.
    pub unit: String,
    /// `lower` or `higher` is better; `null` where the log does not say.
    pub direction: Option<Direction>,
}

impl MetricView {
    fn of(segment: &Segment<'_>) -> Self {
        match segment.config {
            Some(config) => Self {
                name: config.metric_name.clone(),
                unit: config.metric_unit.clone(),
                direction: Some(config.direction),
            },
            None => Self { name: "metric".to_owned(), unit: String::new(), direction: None },
        }
    }

    /// As `p95_ms (ms, lower is better)`.
    pub fn to_text(&self) -> String {
        let way = match self.direction {
            Some(Direction::Lower) => "lower is better",
            Some(Direction::Higher) => "higher is better",
            None => "direction unknown",
        };
        let name = sanitize(&self.name);
        match self.unit.as_str() {
            "" => format!("{name} ({way})"),
            unit => format!("{name} ({}, {way})", sanitize(unit)),
        }
    }
}

/// Which session is shown, and how far its rows can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionView {
    /// What it is called.
    pub name: String,
    /// Its id; `null` in other tools' logs.
    pub id: Option<String>,
    /// The weakest grade of its segments; `null` where unknown.
    pub grade: Option<Grade>,
    /// `verified`, `unverified` (another tool's, imported) or `broken`: the worst of its lines.
    pub chain: &'static str,
    /// The hash of the last line; `null` without a chain.
    pub head: Option<crate::Hash>,
}

impl SessionView {
    fn of(session: &Session<'_>) -> Self {
        let config = session.config();
        let worst = session.records.iter().map(|record| record.mark).max_by_key(|mark| match mark {
            Mark::Verified => 0,
            Mark::Unverified => 1,
            Mark::Broken => 2,
        });
        let imported = config.is_some_and(|config| config.source.is_some());
        let worst = if imported && worst == Some(Mark::Verified) { Some(Mark::Unverified) } else { worst };
        let grades = session.segments().into_iter().filter_map(|segment| segment.config?.grade);
        Self {
            name: config.map(|config| config.name.clone()).unwrap_or_default(),
            id: config.and_then(|config| config.session.clone()),
            grade: grades.reduce(Grade::weaker),
            chain: mark_word(worst.unwrap_or(Mark::Unverified)),
            head: session.records.last().and_then(|record| record.stamp).map(|stamp| stamp.hash),
        }
    }
}

pub(crate) fn mark_word(mark: Mark) -> &'static str {
    match mark {
        Mark::Verified => "verified",
        Mark::Unverified => "unverified",
        Mark::Broken => "broken",
    }
}
