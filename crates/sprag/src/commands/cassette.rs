//! `sprag cassette`: what was recorded, looked at and changed as a whole.

mod show;

use std::process::ExitCode;

use camino::Utf8Path;
use miette::{IntoDiagnostic, miette};
use serde_json::json;
use sprag_replay::cassette::{self, Cassette, Listed, Manifest, Which};
use sprag_replay::{Key, Rules};

use crate::replaying::place::Place;
use crate::replaying::words;
use crate::show as print;

/// Look at the cassette of the settings, check it, and take something out of it.
///
/// Example: sprag cassette ls
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// List what was asked, by case, class and upstream.
    Ls,
    /// Show exchanges: each in one line; or one by its number, or all of a key, whole.
    Show {
        /// A number of that list, or a key of 32 hex digits.
        #[arg(value_name = "N|KEY")]
        which: Option<String>,
    },
    /// Check seal, structure and every blob, and whether the settings' rules are those of the recording. Exit code 1 where
    /// one is not as it should be.
    Verify,
    /// Remove all exchanges of a case, or all answers to a key; "" is what was asked outside of any case.
    Rm {
        /// A case, or a key of 32 hex digits.
        #[arg(value_name = "CASE|KEY")]
        which: String,
    },
    /// Replace whatever a regular expression finds, its first group where it has one, by REDACTED.
    ///
    /// The settings' own `[[replay.redact]]` are applied to answers as well. What was committed before stays in its history.
    Redact {
        /// A regular expression.
        pattern: String,
    },
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let place = Place::find(dir)?;
    match args.act {
        Act::Ls => ls(&place, args.json),
        Act::Show { which } => show::run(&open(&place)?, which.as_deref(), args.json),
        Act::Verify => verify(&place, args.json),
        Act::Rm { which } => rm(&place, &which, args.json),
        Act::Redact { pattern } => redact(&place, &pattern, args.json),
    }
}

fn open(place: &Place) -> miette::Result<Cassette> {
    Cassette::open(&place.cassette()).into_diagnostic()
}

fn ls(place: &Place, json: bool) -> miette::Result<ExitCode> {
    let cassette = open(place)?;
    let listed = cassette::ls(&cassette).into_diagnostic()?;
    if json {
        let one = |one: &Listed| {
            json!({
                "case": one.case, "class": one.class, "upstream": one.upstream, "requests": one.requests,
                "answers": one.answers,
            })
        };
        let Manifest { interactions, cases, seal, .. } = cassette.manifest();
        let rows: Vec<_> = listed.iter().map(one).collect();
        print::json(&json!({
            "cassette": place.replay.cassette, "exchanges": interactions, "cases": cases, "seal": seal, "rows": rows,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["case", "class", "upstream", "requests", "answers"].map(str::to_owned).to_vec()];
    let named = |name: &str| if name.is_empty() { "-".to_owned() } else { words::one_line(name) };
    for Listed { case, class, upstream, requests, answers } in &listed {
        let class = named(class.as_deref().unwrap_or_default());
        rows.push(vec![
            named(case),
            class,
            words::one_line(upstream),
            requests.to_string(),
            answers.to_string(),
        ]);
    }
    print::text(&format!("{}{}\n", words::table(&rows, 3), sum(place, cassette.manifest())))?;
    Ok(ExitCode::SUCCESS)
}

/// A cassette in one line.
fn sum(place: &Place, manifest: &Manifest) -> String {
    let Manifest { interactions, blobs, .. } = manifest;
    let (exchanges, blobs) = (words::number(*interactions, "exchange"), words::number(*blobs, "blob"));
    format!("{}: {exchanges}, {blobs}, seal {}", place.replay.cassette, short(&manifest.seal))
}

/// Enough of a seal to tell it from another.
fn short(seal: &str) -> &str {
    seal.get(..15).unwrap_or(seal)
}

fn verify(place: &Place, json: bool) -> miette::Result<ExitCode> {
    let verified = cassette::verify(&place.cassette()).into_diagnostic()?;
    let rules = Rules::compile(&place.replay).into_diagnostic()?;
    let same_rules = verified.manifest.rules_digest == rules.digest();
    let damaged: Vec<String> = verified.damaged.iter().map(ToString::to_string).collect();
    let whole = damaged.is_empty() && same_rules;
    if json {
        let Manifest { interactions, cases, blobs, seal, version, .. } = &verified.manifest;
        print::json(&json!({
            "cassette": place.replay.cassette, "whole": whole, "damaged": damaged, "same_rules": same_rules,
            "version": version, "exchanges": interactions, "cases": cases, "blobs": blobs, "seal": seal,
        }))?;
    } else {
        let mut text = format!("{}\n", sum(place, &verified.manifest));
        if damaged.is_empty() {
            text.push_str("the seal holds, and every blob is what it should be\n");
        } else {
            text.push_str("the seal holds, but not all is as it should be:\n");
            words::list(&mut text, damaged.into_iter());
        }
        if !same_rules {
            text.push_str(
                "it was recorded under other rules than the [replay] of the settings: record it again\n",
            );
        }
        print::text(&text)?;
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn rm(place: &Place, which: &str, json: bool) -> miette::Result<ExitCode> {
    let cassette = open(place)?;
    let is_case = cassette.cases().iter().any(|case| case == which);
    let chosen = match Key::try_from(which.to_owned()) {
        Ok(key) if !is_case => Which::Key(key),
        _ => Which::Case(which.to_owned()),
    };
    drop(cassette);
    let removed = cassette::rm(&place.cassette(), &chosen).into_diagnostic()?;
    if removed.removed == 0 {
        let help = "`sprag cassette ls` lists the cases, `sprag cassette show` the exchanges with their numbers and keys";
        return Err(miette!(help = help, "{} has neither a case nor a key `{which}`", place.replay.cassette));
    }
    let Manifest { interactions, seal, .. } = &removed.manifest;
    if json {
        print::json(&json!({ "removed": removed.removed, "left": interactions, "seal": seal }))?;
    } else {
        let gone = words::number(removed.removed, "exchange");
        print::text(&format!("removed {gone}; {interactions} left, sealed as {}\n", short(seal)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn redact(place: &Place, pattern: &str, json: bool) -> miette::Result<ExitCode> {
    let rules = Rules::compile(&place.replay).into_diagnostic()?;
    let adopted = differ_in_redact_alone(open(place)?.manifest(), &rules);
    let redacted =
        cassette::redact(&place.cassette(), pattern, adopted.then_some(&rules)).into_diagnostic()?;
    if json {
        print::json(&json!({
            "changed": redacted.changed, "keys_changed": redacted.keys_changed, "not_searched": redacted.not_searched,
            "same_rules": adopted, "seal": redacted.manifest.seal,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = match redacted.changed {
        0 => "nothing was found, and nothing changed\n".to_owned(),
        changed => {
            let changed = words::number(changed, "exchange");
            format!("redacted {changed}, sealed as {}\n", short(&redacted.manifest.seal))
        }
    };
    if redacted.keys_changed > 0 {
        text.push_str(&format!(
            "{} recognised by another key now: it is missed in replay unless a [[replay.redact]] of the settings takes the \
             same out of what is asked\n",
            match redacted.keys_changed {
                1 => "1 request is".to_owned(),
                count => format!("{count} requests are"),
            }
        ));
    }
    if !redacted.not_searched.is_empty() {
        text.push_str("compressed, and so not searched:\n");
        words::list(&mut text, redacted.not_searched.iter().cloned());
    }
    if !adopted {
        text.push_str(
            "the settings' rules differ from those of the recording in more than [[replay.redact]], and were left alone\n",
        );
    }
    if redacted.changed > 0 {
        text.push_str("what was committed before stays in the history of the repository\n");
    }
    print::text(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the settings' rules can become those of a recording whose keys stay as they are.
fn differ_in_redact_alone(manifest: &Manifest, rules: &Rules) -> bool {
    let others = |rules: &serde_json::Value| {
        let mut rules = rules.clone();
        rules.as_object_mut().map(|table| table.remove("redact"));
        rules
    };
    others(&manifest.rules) == others(rules.resolved())
}
