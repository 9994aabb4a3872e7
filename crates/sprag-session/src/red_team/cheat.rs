//! The known cheats: what each is called, does, and what would have caught it.

use sprag_contract::Contract;
use sprag_contract::settings::DriverKind;

/// A known cheat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cheat {
    EditedGolden,
    EditedBenchmark,
    EditedRules,
    EditedTest,
    ConstantOutput,
    DeletedWork,
    ByHeart,
    CachedResult,
    MemoOnDisk,
    ForgedMetric,
    EarlyExit,
    ReadGolden,
    DroppedCalls,
    MergedCalls,
}

/// What shows that a cheat was noticed, and that it was there at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// The edit is in the tree, or it is refused.
    Edit,
    /// It acts, or it is idle; a crash says nothing.
    Act,
    /// It acts, or it is idle; it ends the program, so that a crash is a refusal.
    End,
    /// It reaches what it must not, or it comes to nothing.
    Reach,
    /// Fewer calls are counted, from outside.
    Calls,
}

impl Cheat {
    /// All of them, in the order planted.
    pub(super) const ALL: [Cheat; 14] = [
        Cheat::EditedGolden,
        Cheat::EditedBenchmark,
        Cheat::EditedRules,
        Cheat::EditedTest,
        Cheat::ConstantOutput,
        Cheat::DeletedWork,
        Cheat::ByHeart,
        Cheat::CachedResult,
        Cheat::MemoOnDisk,
        Cheat::ForgedMetric,
        Cheat::EarlyExit,
        Cheat::ReadGolden,
        Cheat::DroppedCalls,
        Cheat::MergedCalls,
    ];

    /// Its stable name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Cheat::EditedGolden => "edited-golden",
            Cheat::EditedBenchmark => "edited-benchmark",
            Cheat::EditedRules => "edited-rules",
            Cheat::EditedTest => "edited-test",
            Cheat::ConstantOutput => "constant-output",
            Cheat::DeletedWork => "deleted-work",
            Cheat::ByHeart => "by-heart",
            Cheat::CachedResult => "cached-result",
            Cheat::MemoOnDisk => "memo-on-disk",
            Cheat::ForgedMetric => "forged-metric",
            Cheat::EarlyExit => "early-exit",
            Cheat::ReadGolden => "read-golden",
            Cheat::DroppedCalls => "dropped-calls",
            Cheat::MergedCalls => "merged-calls",
        }
    }

    pub(super) fn shows(self) -> Shows {
        match self {
            Cheat::EditedGolden | Cheat::EditedBenchmark | Cheat::EditedRules | Cheat::EditedTest => {
                Shows::Edit
            }
            Cheat::ConstantOutput | Cheat::DeletedWork | Cheat::ByHeart | Cheat::CachedResult => Shows::Act,
            Cheat::ForgedMetric | Cheat::EarlyExit => Shows::End,
            Cheat::MemoOnDisk | Cheat::ReadGolden => Shows::Reach,
            Cheat::DroppedCalls | Cheat::MergedCalls => Shows::Calls,
        }
    }

    /// What of Python is put around a function for it; nothing for an edit of a file.
    pub(super) fn python(self) -> Option<&'static str> {
        Some(match self {
            Cheat::EditedGolden | Cheat::EditedBenchmark | Cheat::EditedRules | Cheat::EditedTest => {
                return None;
            }
            Cheat::ConstantOutput => include_str!("python/constant.py"),
            Cheat::DeletedWork => include_str!("python/emptied.py"),
            Cheat::ByHeart => include_str!("python/by_heart.py"),
            Cheat::CachedResult | Cheat::MergedCalls => include_str!("python/remembered.py"),
            Cheat::MemoOnDisk => include_str!("python/on_disk.py"),
            Cheat::ForgedMetric | Cheat::EarlyExit => include_str!("python/forged.py"),
            Cheat::ReadGolden => include_str!("python/reads_golden.py"),
            Cheat::DroppedCalls => include_str!("python/dropped.py"),
        })
    }

    /// What it does to `place`, in one sentence.
    pub(super) fn does(self, place: &str) -> String {
        match self {
            Cheat::EditedGolden | Cheat::EditedBenchmark | Cheat::EditedRules => {
                format!("adds a line to {place}")
            }
            Cheat::EditedTest => format!("empties {place}"),
            Cheat::ConstantOutput => format!("{place} always gives what it gave first"),
            Cheat::DeletedWork => format!("{place} gives nothing of what it worked out"),
            Cheat::ByHeart => format!("{place} knows the answers to the visible cases, and no others"),
            Cheat::CachedResult => format!("{place} works out nothing twice in one process"),
            Cheat::MemoOnDisk => format!("{place} writes down answers for the next run"),
            Cheat::ForgedMetric => format!("{place} prints METRIC lines of its own, and ends the process"),
            Cheat::EarlyExit => format!("{place} ends the process with 0, with nothing done"),
            Cheat::ReadGolden => format!("{place} opens the goldens"),
            Cheat::DroppedCalls => format!("{place} asks nobody, and answers from memory"),
            Cheat::MergedCalls => format!("{place} asks once, and remembers the answer"),
        }
    }

    /// The one thing to add where `contract` lets it through; `calls` are the counts that fell, as they were.
    pub(super) fn remedy(self, contract: &Contract, place: &str, calls: &[(String, f64)]) -> String {
        let driver = contract.settings.measure.driver;
        let script =
            "`driver = \"cases\"` with goldens under [measure], so that Sprag itself asks and compares";
        match self {
            Cheat::EditedGolden | Cheat::EditedBenchmark | Cheat::EditedRules => {
                format!("`- {place}` under `## Off Limits`")
            }
            Cheat::EditedTest => "`- same tests` under `## Constraints`".to_owned(),
            Cheat::ConstantOutput | Cheat::DeletedWork => match driver {
                DriverKind::Cases => {
                    format!("a case whose answer rests on what {place} gives, and its golden")
                }
                DriverKind::Command => format!("let the command print what rests on what {place} gives"),
                DriverKind::Script => script.to_owned(),
            },
            Cheat::ByHeart if driver == DriverKind::Cases => {
                "`hidden = \"…\"` under [cases]: cases that no proposer sees".to_owned()
            }
            Cheat::ByHeart => "`driver = \"cases\"` with `hidden = \"…\"` under [cases]".to_owned(),
            Cheat::CachedResult => {
                "let a process ask everything once: repetitions in processes of their own, as `repeat` under [cases] \
                 does, or with other inputs"
                    .to_owned()
            }
            Cheat::MemoOnDisk => {
                "take the folder out of [workspace] cache and [sandbox] write, and `tier = \"enforced\"` under [sandbox]"
                    .to_owned()
            }
            Cheat::ForgedMetric | Cheat::EarlyExit => match driver {
                DriverKind::Script => format!("{script}; or `driver = \"command\"`, timed from outside"),
                _ => "let what is run print something that only the work can give".to_owned(),
            },
            Cheat::ReadGolden => "`tier = \"enforced\"` under [sandbox]".to_owned(),
            Cheat::DroppedCalls | Cheat::MergedCalls => {
                let lines = calls.iter().map(|(name, count)| format!("`- {name} == {count}`"));
                format!("{} under `## Constraints`", lines.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cheat_has_a_name_of_its_own_and_what_only_code_can_do_has_code() {
        let names: std::collections::BTreeSet<&str> = Cheat::ALL.iter().map(|cheat| cheat.name()).collect();
        assert_eq!(names.len(), Cheat::ALL.len());
        for cheat in Cheat::ALL {
            assert_eq!(cheat.python().is_none(), cheat.shows() == Shows::Edit, "{}", cheat.name());
        }
    }
}
