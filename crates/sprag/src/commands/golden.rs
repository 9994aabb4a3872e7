//! `sprag golden`: the answers that every candidate is held to. Changing them is a person's act.

use std::process::ExitCode;

use camino::Utf8Path;
use sprag_judge::Reason;
use sprag_session::{Answer, AnswerState, Answers, SessionError, Written};

use crate::failed::failed;
use crate::{open, show, watch};

/// How many differences of one answer are shown.
const SHOWN: usize = 10;

/// Record the goldens of the cases, see how answers differ from them, accept new ones.
///
/// Example: sprag golden diff
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
    /// Those of the hidden cases.
    #[arg(long, global = true)]
    hidden: bool,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Run the working tree once and write its answers into the folder that the settings name.
    Record {
        /// Overwrite the goldens that are there.
        #[arg(long)]
        force: bool,
    },
    /// Run the working tree once and show how its answers differ from the goldens. Exits with 11 where one does.
    Diff,
    /// Run the working tree once and take its answers as the new goldens.
    Accept {
        /// Only the answers to these cases; without any, all that differ.
        cases: Vec<String>,
    },
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let mut project = open::project(dir)?;
    if args.hidden {
        project = match project.on_hidden_cases() {
            Ok(project) => project,
            Err(error) => return failed(error),
        };
    }
    let interrupt = watch::interrupt()?;
    let mut view = watch::view();
    let json = args.json;
    match args.act {
        Act::Record { force } => {
            let written = sprag_session::record_goldens(project, force, &interrupt, &mut *view);
            drop(view);
            wrote(written, json, recorded)
        }
        Act::Accept { cases } => {
            let written = sprag_session::accept_answers(project, &cases, &interrupt, &mut *view);
            drop(view);
            wrote(written, json, accepted)
        }
        Act::Diff => {
            let answers = sprag_session::compare_answers(project, &interrupt, &mut *view);
            drop(view);
            let answers = match answers {
                Ok(answers) => answers,
                Err(error) => return failed(error),
            };
            match json {
                true => show::json(&answers)?,
                false => show::text(&differences(&answers, args.hidden))?,
            }
            let code = if answers.all_same() { 0 } else { Reason::Output.exit_code() };
            Ok(ExitCode::from(code))
        }
    }
}

fn wrote(
    written: Result<Written, SessionError>,
    json: bool,
    told: fn(&Written) -> String,
) -> miette::Result<ExitCode> {
    let written = match written {
        Ok(written) => written,
        Err(error) => return failed(error),
    };
    if json {
        show::json(&written)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = told(&written);
    for path in &written.ignored {
        text.push_str(&format!("git ignores {path}: no session will see it until it does not\n"));
    }
    show::text(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn recorded(written: &Written) -> String {
    format!(
        "wrote {} into {}: from now on these answers are the right ones, so look at them once\n",
        goldens(written.cases.len()),
        written.folder
    )
}

fn accepted(written: &Written) -> String {
    if written.cases.is_empty() {
        return "every answer is as its golden: there is nothing to accept\n".to_owned();
    }
    format!(
        "accepted {} in {}: {}\nThis is another harness: the next `sprag run` begins a new segment, and its incumbent must give \
         these answers too. Where it does not, begin anew with `sprag run --new`.\n",
        goldens(written.cases.len()),
        written.folder,
        written.cases.join(", ")
    )
}

fn differences(answers: &Answers, hidden: bool) -> String {
    let flag = if hidden { " --hidden" } else { "" };
    let width = answers.cases.iter().map(|answer| answer.case.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Answer { case, state, differences, .. } in &answers.cases {
        let word = match state {
            AnswerState::Same => "same",
            AnswerState::Differs => "differs",
            AnswerState::New => "has no golden",
        };
        text.push_str(&format!("{case:width$}  {word}\n"));
        for difference in differences.iter().take(SHOWN) {
            text.push_str(&format!("  {}\n", show::clean(&difference.to_string())));
        }
        match differences.len().saturating_sub(SHOWN) {
            0 => {}
            more if differences.len() < sprag_measure::golden::MOST => {
                text.push_str(&format!("  and at {more} other places\n"));
            }
            more => text.push_str(&format!("  and at {more} other places or more\n")),
        }
    }
    if !answers.orphans.is_empty() {
        text.push_str(&format!("goldens without a case: {}\n", answers.orphans.join(", ")));
    }
    let other = answers.cases.iter().filter(|answer| answer.state != AnswerState::Same).count();
    text.push_str(&match other {
        0 => format!("all {} answers are as in {}\n", answers.cases.len(), answers.folder),
        _ => format!(
            "{other} of {} answers are not as in {}; where the new ones are right: `sprag golden accept{flag}`, or `accept{flag} CASE`\n",
            answers.cases.len(),
            answers.folder
        ),
    });
    text
}

fn goldens(count: usize) -> String {
    match count {
        1 => "1 golden".to_owned(),
        count => format!("{count} goldens"),
    }
}
