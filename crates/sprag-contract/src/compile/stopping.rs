//! The Stop section: each sentence is a stop rule, a slip of one, or advice.

use super::{Compiler, Enforcement, rules::Reader, sections::items, wording::STOP_HELP};
use crate::{
    language::{Names, read_stop, sentences},
    spec::{Section, Text},
};

impl Compiler<'_> {
    pub(super) fn stop_section(&mut self, section: &Section, reader: &mut Reader<'_>) {
        if section.phase.is_some() && section.named {
            self.warning(
                Some(section.heading.whole()),
                "stop rules hold in every phase, though they stand under one",
            )
            .help = Some("move Stop above the phases".to_owned());
        }
        for item in items(section) {
            for sentence in sentences(&item.text) {
                self.stop_sentence(item.line, &sentence, reader);
            }
        }
    }

    pub(super) fn stop_sentence(&mut self, line: u32, sentence: &Text, reader: &mut Reader<'_>) {
        let names = Names { metrics: &reader.names };
        let parts = sentence.split(|_, rest| {
            [", or ", " or ", ", "].into_iter().find(|joint| rest.starts_with(joint)).map(str::len)
        });
        let each = |part: &Text| read_stop(part, &names);
        let whole = each(sentence);
        let readings = match whole {
            Ok(None) if parts.len() > 1 => parts.iter().map(|part| (part.clone(), each(part))).collect(),
            whole => vec![(sentence.clone(), whole)],
        };
        for (part, reading) in readings {
            let standing = match reading {
                Ok(Some(rule)) => {
                    self.target(&rule, part.whole(), reader.metrics);
                    let by = format!("stop rule: {rule}");
                    let twice = reader.stop.contains(&rule);
                    if !twice {
                        reader.stop.push(rule);
                    }
                    Enforcement::enforced(by)
                }
                Ok(None) => {
                    self.warning(Some(part.whole()), "this stops nothing: it is no stop rule").help =
                        Some(STOP_HELP.to_owned());
                    reader.advisory.entry(None).or_default().push(part.as_str().to_owned());
                    Enforcement::advisory(STOP_HELP)
                }
                Err(meant) => {
                    let finding = self.error(
                        Some(part.whole()),
                        "this is almost a stop rule, and would stop nothing as it is",
                    );
                    finding.help = Some(format!("did you mean `{meant}`?"));
                    Enforcement::advisory(format!("write `{meant}`"))
                }
            };
            self.stand(line, part.as_str(), standing);
        }
    }
}
