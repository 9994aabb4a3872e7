//! How a session will measure and judge, in sentences: what the settings mean before anything was run.

use sprag_judge::Policy;

use crate::Settings;
use crate::settings::{Cpus, DriverKind, Http, Port, Reach, Serve, Tier};

/// What a person should know of the measurement before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measuring {
    /// How far a candidate is locked in.
    pub sandbox: String,
    /// Which CPUs are used, and what that means for parallel work.
    pub cpus: String,
    /// What a keep rests on.
    pub judge: String,
    /// What one candidate costs at most.
    pub budget: String,
}

impl Measuring {
    /// The sentences for these settings; `seconds` is how long one run takes, where that is known.
    pub fn new(settings: &Settings, seconds: Option<f64>) -> Self {
        Self {
            sandbox: sandbox(settings),
            cpus: cpus(settings),
            judge: judge(settings),
            budget: budget(settings, seconds),
        }
    }
}

fn sandbox(settings: &Settings) -> String {
    let tier = settings.sandbox.tier;
    let network = match settings.sandbox.network {
        Reach::Empty => "no network but what the settings put there",
        Reach::Open => "the network of this machine",
    };
    let meaning = match tier {
        Tier::Enforced => {
            format!("{network}, and no files but the tree, the system's and those of the settings")
        }
        Tier::Reduced => {
            format!("{network}, and no files but those of the settings; what else runs here can be seen")
        }
        Tier::None => "a candidate runs with your rights, so run only what you would run yourself".to_owned(),
    };
    format!("{tier}: {meaning}")
}

fn cpus(settings: &Settings) -> String {
    let driver = settings.measure.driver;
    let default = if driver == DriverKind::Cases { Cpus::One } else { Cpus::All };
    let used = settings.measure.cpus.as_ref().unwrap_or(&default);
    let origin = match settings.measure.cpus {
        Some(_) => String::new(),
        None => format!(" (the default of `{}`)", driver.name()),
    };
    let meaning = match used {
        Cpus::One => one_core(settings).to_owned(),
        Cpus::List(list) if list.len() == 1 => one_core(settings).to_owned(),
        Cpus::List(list) => format!("work spread over up to {} cores counts as faster", list.len()),
        Cpus::All => {
            "work spread over cores counts as faster, and whatever else runs here disturbs".to_owned()
        }
    };
    format!("{used}{origin}: {meaning}")
}

fn one_core(settings: &Settings) -> &'static str {
    match settings.compared_cases().map(|cases| &cases.serve) {
        Some(Serve::Http(Http { port: Port::Fixed(_), .. })) => {
            "one side after the other, as both want the same port; work spread over cores does not count as faster"
        }
        Some(_) => {
            "both sides take turns on one core, case by case; work spread over cores does not count as faster"
        }
        None => "work spread over cores does not count as faster",
    }
}

fn judge(settings: &Settings) -> String {
    let alpha = percent(settings.judge.alpha);
    match settings.judge.mode {
        Policy::Paired => format!(
            "paired: a keep needs runs side by side that show it better; of changes without effect about {alpha} are kept at most"
        ),
        Policy::Strict => format!(
            "strict: a keep needs runs side by side that prove it better; of changes without effect at most {alpha} are kept"
        ),
        Policy::Single => {
            "single: one run a candidate, so luck is kept too, and nothing is called verified".to_owned()
        }
    }
}

fn budget(settings: &Settings, seconds: Option<f64>) -> String {
    let judge = &settings.judge;
    if judge.mode == Policy::Single {
        return format!("1 run a candidate{}", time(seconds, 1));
    }
    let runs = 1 + 2 * judge.max_pairs;
    format!(
        "at most {} pairs a candidate, which is {runs} runs{}; clear ones need {}, and numbers that repeat to the bit 1; gains below {} are not looked for",
        judge.max_pairs,
        time(seconds, runs),
        judge.min_pairs,
        percent(judge.min_effect)
    )
}

fn time(seconds: Option<f64>, runs: u32) -> String {
    let Some(all) = seconds.map(|one| one * f64::from(runs)).filter(|all| all.is_finite()) else {
        return String::new();
    };
    match all {
        all if all < 100.0 => format!(" or {all:.0} s"),
        all if all < 6000.0 => format!(" or {:.0} min", all / 60.0),
        all => format!(" or {:.0} h", all / 3600.0),
    }
}

fn percent(share: f64) -> String {
    // Shares are written by hand: 0.02 is 2, not 2.0000000000000004.
    let rounded = (share * 1e5).round() / 1e3;
    format!("{rounded} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, seconds: Option<f64>) -> String {
        let (settings, _) = Settings::parse(&crate::Source::new("sprag.toml", text)).unwrap();
        let Measuring { sandbox, cpus, judge, budget } = Measuring::new(&settings, seconds);
        format!("{sandbox}\n{cpus}\n{judge}\n{budget}")
    }

    #[test]
    fn the_settings_are_told_by_what_they_mean() {
        insta::assert_snapshot!(told("", None), @"
        enforced: no network but what the settings put there, and no files but the tree, the system's and those of the settings
        all (the default of `script`): work spread over cores counts as faster, and whatever else runs here disturbs
        paired: a keep needs runs side by side that show it better; of changes without effect about 2 % are kept at most
        at most 20 pairs a candidate, which is 41 runs; clear ones need 3, and numbers that repeat to the bit 1; gains below 1 % are not looked for
        ");
        let cases = "[measure]\ndriver = 'cases'\n[cases]\nfile = 'c'\nserve = { stdio = 'w' }\n[judge]\nmode = 'strict'\nmax_pairs = 40\n";
        insta::assert_snapshot!(told(cases, Some(0.5)), @"
        enforced: no network but what the settings put there, and no files but the tree, the system's and those of the settings
        one (the default of `cases`): both sides take turns on one core, case by case; work spread over cores does not count as faster
        strict: a keep needs runs side by side that prove it better; of changes without effect at most 2 % are kept
        at most 40 pairs a candidate, which is 81 runs or 40 s; clear ones need 3, and numbers that repeat to the bit 1; gains below 1 % are not looked for
        ");
        insta::assert_snapshot!(told("[measure]\ncpus = '2-5'\n[sandbox]\ntier = 'none'\n[judge]\nmode = 'single'\n", Some(400.0)), @"
        none: a candidate runs with your rights, so run only what you would run yourself
        2-5: work spread over up to 4 cores counts as faster
        single: one run a candidate, so luck is kept too, and nothing is called verified
        1 run a candidate or 7 min
        ");
    }
}
