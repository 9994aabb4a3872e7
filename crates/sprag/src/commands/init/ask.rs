//! The questions, one line each: a terminal's own editing is enough for them, and a pipe can answer them in tests.

use std::io::{self, BufRead, Write};

use sprag_contract::init::{
    InitAnswers, Measured, MetricAnswer, check_control, check_metric, check_path, check_stop,
};
use sprag_judge::Direction;

/// Asks a person.
pub(super) struct Asker<R, W> {
    input: R,
    output: W,
}

/// What stands for nothing, where Enter would take a proposal.
const NONE: &str = "-";

impl<R: BufRead, W: Write> Asker<R, W> {
    pub(super) fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// All of the answers; `proposed` are those that Enter takes.
    ///
    /// # Errors
    /// The input ended before the last answer, or cannot be read.
    pub(super) fn everything(&mut self, proposed: InitAnswers) -> io::Result<InitAnswers> {
        writeln!(self.output, "Enter takes what stands in brackets; {NONE} means none.\n")?;
        let any = |text: &str| Ok(text.to_owned());
        let goal = self.ask("What should get better, in your words?", "", any)?;
        let (measure, metric) = self.measure(&proposed)?;
        let timed = matches!(measure, Measured::Timed(_));
        // What was proposed for a command that is timed is given by no script.
        let same_way = timed == matches!(proposed.measure, Measured::Timed(_));
        let controls: Vec<String> = match same_way {
            true => proposed
                .controls
                .iter()
                .map(|(name, bound)| format!("{name} {bound}").trim().to_owned())
                .collect(),
            false => Vec::new(),
        };
        let controls =
            self.list("Which other numbers are held, so that cheating shows?", &controls, check_control)?;
        let build =
            self.command("Which command builds, before each measurement?", proposed.build.as_deref())?;
        let checks =
            self.command("Which command exits 0 only when the code is right?", proposed.checks.as_deref())?;
        let path = |text: &str| check_path(text).map(|()| text.to_owned());
        let in_scope = self.list("Which files may change? Paths or globs", &proposed.in_scope, path)?;
        let off_limits = self.list("Which of them may not?", &proposed.off_limits, path)?;
        let rule = |text: &str| check_stop(text).map(|()| text.to_owned());
        let stop = self.list("When does it stop?", &proposed.stop, rule)?;
        writeln!(self.output)?;
        let (read, tier) = (proposed.read, proposed.tier);
        Ok(InitAnswers {
            goal,
            metric,
            controls,
            in_scope,
            off_limits,
            read,
            build,
            measure,
            checks,
            stop,
            tier,
        })
    }

    fn measure(&mut self, proposed: &InitAnswers) -> io::Result<(Measured, MetricAnswer)> {
        let command = match &proposed.measure {
            Measured::Timed(command) | Measured::Prints(command) => Some(command.as_str()),
            Measured::Unknown => None,
        };
        let Some(command) = self.command("Which command does the work that is measured?", command)? else {
            return Ok((Measured::Unknown, self.metric(&InitAnswers::default().metric)?));
        };
        let way = if matches!(proposed.measure, Measured::Prints(_)) { "print" } else { "time" };
        let times = self.ask(
            "Shall Sprag time it, or does it print METRIC lines itself (time, print)?",
            way,
            |text| match text {
                "time" | "timed" | "t" => Ok(true),
                "print" | "prints" | "p" => Ok(false),
                _ => Err("write `time` or `print`".to_owned()),
            },
        )?;
        if times {
            return Ok((Measured::Timed(command), MetricAnswer::wall_time()));
        }
        let metric = match proposed.measure {
            Measured::Prints(_) => proposed.metric.clone(),
            Measured::Timed(_) | Measured::Unknown => InitAnswers::default().metric,
        };
        Ok((Measured::Prints(command), self.metric(&metric)?))
    }

    fn metric(&mut self, proposed: &MetricAnswer) -> io::Result<MetricAnswer> {
        let shown = format!("{} {} {}", proposed.name, proposed.unit, proposed.direction.word());
        self.ask("Which number: its name, its unit, and lower or higher for better?", &shown, |text| {
            let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
            let (name, unit, way) = match words.as_slice() {
                [name, way] => (name, "", way),
                [name, unit, way] => (name, *unit, way),
                _ => return Err("write it as in `p95_ms ms lower`".to_owned()),
            };
            check_metric(name)?;
            let direction = match *way {
                "lower" => Direction::Lower,
                "higher" => Direction::Higher,
                other => return Err(format!("`{other}` is neither lower nor higher")),
            };
            Ok(MetricAnswer { name: (*name).to_owned(), unit: unit.to_owned(), direction })
        })
    }

    fn command(&mut self, question: &str, proposed: Option<&str>) -> io::Result<Option<String>> {
        self.ask(question, proposed.unwrap_or(NONE), |text| {
            Ok((!text.is_empty() && text != NONE).then(|| text.to_owned()))
        })
    }

    /// Several answers, separated by commas.
    fn list<T>(
        &mut self,
        question: &str,
        proposed: &[String],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> io::Result<Vec<T>> {
        let shown = if proposed.is_empty() { NONE.to_owned() } else { proposed.join(", ") };
        self.ask(question, &shown, |text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != NONE);
            parts.map(&read).collect()
        })
    }

    /// Asks until the answer can be read. An empty answer is `proposed`.
    fn ask<T>(
        &mut self,
        question: &str,
        proposed: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> io::Result<T> {
        loop {
            match proposed {
                "" => write!(self.output, "{question} ")?,
                _ => write!(self.output, "{question} [{proposed}] ")?,
            }
            self.output.flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the input ended before the last answer",
                ));
            }
            let answer = line.trim();
            match read(if answer.is_empty() { proposed } else { answer }) {
                Ok(value) => return Ok(value),
                Err(why) => writeln!(self.output, "  {why}")?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(proposed: InitAnswers, lines: &str) -> (io::Result<InitAnswers>, String) {
        let mut shown = Vec::new();
        let answers = Asker::new(lines.as_bytes(), &mut shown).everything(proposed);
        (answers, String::from_utf8(shown).unwrap().replace("] ", "]\n"))
    }

    fn proposed() -> InitAnswers {
        InitAnswers {
            measure: Measured::Timed("./bench".to_owned()),
            metric: MetricAnswer::wall_time(),
            controls: vec![("peak_rss_mb".to_owned(), "within 10%".to_owned())],
            in_scope: vec!["src/**".to_owned()],
            off_limits: vec!["tests/**".to_owned()],
            checks: Some("make check".to_owned()),
            ..InitAnswers::default()
        }
    }

    #[test]
    fn enter_takes_every_proposal() {
        let (answers, shown) = asked(proposed(), &"\n".repeat(9));
        assert_eq!(answers.unwrap(), proposed());
        insta::assert_snapshot!(shown, @"
        Enter takes what stands in brackets; - means none.

        What should get better, in your words? Which command does the work that is measured? [./bench]
        Shall Sprag time it, or does it print METRIC lines itself (time, print)? [time]
        Which other numbers are held, so that cheating shows? [peak_rss_mb within 10%]
        Which command builds, before each measurement? [-]
        Which command exits 0 only when the code is right? [make check]
        Which files may change? Paths or globs [src/**]
        Which of them may not? [tests/**]
        When does it stop? [after 5 consecutive discards, after 50 experiments]

        ");
    }

    #[test]
    fn what_cannot_be_read_is_asked_again_with_the_reason() {
        let lines = "fast\npython bench.py\nboth\nprint\np95\np95_ms ms lower\ncalls nice\ncalls unchanged\n\
                     -\n-\n/etc\ncore/a.py, core/b.py\n-\nsome day\nafter 2 hours\n";
        let (answers, shown) = asked(proposed(), lines);
        let answers = answers.unwrap();
        assert_eq!(answers.measure, Measured::Prints("python bench.py".to_owned()));
        assert_eq!(answers.metric.name, "p95_ms");
        assert_eq!(answers.controls, [("calls".to_owned(), "unchanged".to_owned())]);
        assert_eq!((answers.build, answers.checks), (None, None));
        assert_eq!(answers.in_scope, ["core/a.py", "core/b.py"]);
        assert_eq!(answers.stop, ["after 2 hours"]);
        let complaints: Vec<&str> = shown.lines().filter(|line| line.starts_with("  ")).collect();
        insta::assert_snapshot!(complaints.join("\n"), @"
          write `time` or `print`
          write it as in `p95_ms ms lower`
          `calls nice` is no bound: write `calls unchanged`, `calls within 5%`, `calls <= 7` or `calls == 7`
          `/etc` leaves the repository: write it relative to its top, with `/`
          `some day` is no stop rule: write `after 5 consecutive discards`, `after 50 experiments` or `after 2 hours`
        ");
    }

    #[test]
    fn an_input_that_ends_writes_nothing() {
        assert!(asked(proposed(), "fast\n").0.is_err());
    }
}
