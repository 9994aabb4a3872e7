//! On a terminal: the lines of what happened, and below them one line about what is running.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sprag_session::{Event, Observer};

use super::words;

pub(crate) struct Live {
    bar: ProgressBar,
    started: Instant,
    incumbent: String,
    /// US dollars since this view began; `None` once any part of it is unknown.
    spent: Option<f64>,
    running: String,
}

impl Live {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is ours");
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self {
            bar,
            started: Instant::now(),
            incumbent: String::new(),
            spent: Some(0.0),
            running: String::new(),
        }
    }

    fn refresh(&self, progress: &str) {
        let elapsed = self.started.elapsed().as_secs();
        let clock = format!("{}:{:02}", elapsed / 60, elapsed % 60);
        let spent = self.spent.map_or("$?".to_owned(), |usd| format!("${usd:.2}"));
        self.bar.set_message(format!("{}{progress} · {}{spent} · {clock}", self.running, self.incumbent));
    }
}

impl Observer for Live {
    fn tell(&mut self, event: &Event<'_>) {
        if let Some(line) = words::line(event) {
            self.bar.println(line);
        }
        match event {
            Event::Stage { run, stage, description } => {
                self.running = format!("run {run}: {} {}", stage.word(), words::short(description));
                self.refresh("");
            }
            Event::Calibrating { done, of } => self.refresh(&format!(" {done}/{of}")),
            Event::Finishing { done, of } => self.refresh(&format!(" {done}/{of}")),
            Event::Pair { done, of, e, needed, effect, .. } => {
                let percent = 100.0 * (effect.exp() - 1.0);
                self.refresh(&format!(" {done}/{of}, {percent:+.1} %, evidence {e:.2} of {needed:.0}"));
            }
            Event::Judged { run, .. } => {
                self.spent = self.spent.zip(run.usage.usd).map(|(spent, usd)| spent + usd);
                if run.is_keep() {
                    self.incumbent =
                        run.metric.map_or(String::new(), |value| format!("incumbent {value:.2} · "));
                }
                self.refresh("");
            }
            Event::NoRow { usage, .. } => {
                self.spent = self.spent.zip(usage.usd).map(|(spent, usd)| spent + usd);
                self.refresh("");
            }
            Event::Stopped { .. } => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
