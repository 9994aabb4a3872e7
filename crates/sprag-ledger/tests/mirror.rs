//! The mirror follows the home copy, and nothing that stood in it is ever lost.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod sample;

use sample::{Room, config, every_kind, run};
use sprag_judge::Reason;
use sprag_ledger::{Config, Ledger, MirrorState, read};

struct Pair {
    room: Room,
    ledger: Ledger,
}

/// A ledger with three entries and its mirror.
fn start(already: &str) -> Pair {
    let room = Room::new();
    std::fs::create_dir(room.path("repo")).unwrap();
    if !already.is_empty() {
        std::fs::create_dir(room.path("repo/.auto")).unwrap();
        std::fs::write(room.path("repo/.auto/log.jsonl"), already).unwrap();
    }
    let mut ledger =
        Ledger::create(&room.path("state/a/ledger.jsonl"), Some(&room.path("repo/.auto/log.jsonl"))).unwrap();
    for entry in every_kind().into_iter().take(3) {
        ledger.append(entry).unwrap();
    }
    Pair { room, ledger }
}

impl Pair {
    fn mirror(&self) -> String {
        std::fs::read_to_string(self.room.path("repo/.auto/log.jsonl")).unwrap()
    }

    fn home(&self) -> String {
        std::fs::read_to_string(self.room.path("state/a/ledger.jsonl")).unwrap()
    }

    fn set_mirror(&self, text: &str) {
        std::fs::write(self.room.path("repo/.auto/log.jsonl"), text).unwrap();
    }

    fn append(&mut self) -> MirrorState {
        self.ledger.append(run(9, Some(5.0), Some(Reason::NoGain), "one more")).unwrap().mirror
    }

    fn reopen(self) -> (Self, MirrorState) {
        let Pair { room, ledger } = self;
        drop(ledger);
        let (ledger, opened) =
            Ledger::open(&room.path("state/a/ledger.jsonl"), Some(&room.path("repo/.auto/log.jsonl")))
                .unwrap();
        (Pair { room, ledger }, opened.mirror)
    }
}

#[test]
fn every_entry_is_in_both_copies() {
    let mut pair = start("");
    assert_eq!(pair.append(), MirrorState::Same);
    assert_eq!(pair.mirror(), pair.home());
    let (pair, state) = pair.reopen();
    assert_eq!(state, MirrorState::Same);
    assert!(read(&pair.room.path("repo/.auto/log.jsonl")).unwrap().chain.is_intact());
}

#[test]
fn a_mirror_that_a_checkout_rolled_back_gets_its_lines_again() {
    let mut pair = start("");
    let whole = pair.mirror();
    for cut in 0..whole.len() {
        pair.set_mirror(&whole[..cut]);
        let (again, state) = pair.reopen();
        assert_eq!(state, MirrorState::Mended, "cut at {cut}");
        assert_eq!(again.mirror(), whole);
        pair = again;
    }
    pair.set_mirror(whole.split_inclusive('\n').next().unwrap());
    assert_eq!(pair.append(), MirrorState::Mended);
    assert_eq!(pair.mirror(), pair.home());
}

#[test]
fn a_mirror_that_a_clean_removed_is_written_anew() {
    let mut pair = start("");
    std::fs::remove_dir_all(pair.room.path("repo/.auto")).unwrap();
    assert_eq!(pair.append(), MirrorState::Created);
    assert_eq!(pair.mirror(), pair.home());
}

#[test]
fn a_repository_that_is_gone_is_not_brought_back() {
    let mut pair = start("");
    std::fs::remove_dir_all(pair.room.path("repo")).unwrap();
    assert!(matches!(pair.append(), MirrorState::Failed(_)));
    assert!(!pair.room.path("repo").exists());
    std::fs::create_dir(pair.room.path("repo")).unwrap();
    assert_eq!(pair.append(), MirrorState::Created);
    assert_eq!(pair.mirror(), pair.home());
}

#[test]
fn another_tools_log_stays_before_the_session_even_without_its_last_newline() {
    let older = "{\"type\":\"config\",\"name\":\"older\"}\n{\"run\":1,\"metric\":4,\"status\":\"keep\"}";
    let mut pair = start(older);
    assert_eq!(pair.append(), MirrorState::Same);
    assert_eq!(pair.mirror(), format!("{older}\n{}", pair.home()));
    let (pair, state) = pair.reopen();
    assert_eq!(state, MirrorState::Same);
    let log = read(&pair.room.path("repo/.auto/log.jsonl")).unwrap();
    assert_eq!(log.sessions().len(), 2);
    assert_eq!(log.chain.unverified, 2);
    assert_eq!(log.chain.broken, None);
}

#[test]
fn edited_lines_are_kept_aside_before_the_mirror_is_mended() {
    let mut pair = start("{\"run\":1,\"metric\":4,\"status\":\"keep\"}\n");
    let edited = pair.mirror().replace("338.57", "1.0");
    pair.set_mirror(&edited);
    let MirrorState::SetAside(aside) = pair.append() else { panic!("not set aside") };
    assert_eq!(std::fs::read_to_string(&aside).unwrap(), edited);
    assert!(pair.mirror().ends_with(&pair.home()));
    assert!(pair.mirror().starts_with("{\"run\":1,"));
    // The second time takes the next free name.
    pair.set_mirror(&edited);
    let MirrorState::SetAside(second) = pair.append() else { panic!("not set aside") };
    assert!(aside.as_str().ends_with("log.jsonl.1.old") && second.as_str().ends_with("log.jsonl.2.old"));
}

#[test]
fn an_edit_that_keeps_length_and_end_is_found_at_the_next_start() {
    let mut pair = start("");
    for _ in 0..6 {
        pair.append();
    }
    pair.set_mirror(&pair.mirror().replacen("Faster", "Slower", 1));
    let (pair, state) = pair.reopen();
    // Its first line is not this session's any more: the file is another one's, and stays.
    assert_eq!(state, MirrorState::Mended);
    assert!(pair.mirror().ends_with(&pair.home()) && pair.mirror().contains("Slower"));
}

#[test]
fn two_sessions_stand_one_after_the_other_and_going_on_with_the_first_keeps_both() {
    let pair = start("");
    let mirror = pair.room.path("repo/.auto/log.jsonl");
    let mut second = Ledger::create(&pair.room.path("state/b/ledger.jsonl"), Some(&mirror)).unwrap();
    let other = Config { session: Some("01KDZOTHER0000000000000000".into()), ..config() };
    assert_eq!(second.append(other).unwrap().mirror, MirrorState::Mended);
    let report = read(&mirror).unwrap().chain;
    assert!(report.is_intact());
    assert_eq!(report.sessions.iter().map(|s| s.entries).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(read(&mirror).unwrap().session().records.len(), 1);
    drop(second);

    let both = pair.mirror();
    let mut pair = pair;
    let MirrorState::SetAside(aside) = pair.append() else { panic!("not set aside") };
    assert_eq!(std::fs::read_to_string(aside).unwrap(), both);
    assert_eq!(pair.mirror(), pair.home());
}

#[cfg(unix)]
#[test]
fn a_link_or_a_pipe_in_the_mirrors_place_is_left_alone() {
    let mut pair = start("");
    let target = pair.room.path("precious");
    std::fs::write(&target, "mine").unwrap();
    std::fs::remove_file(pair.room.path("repo/.auto/log.jsonl")).unwrap();
    std::os::unix::fs::symlink(&target, pair.room.path("repo/.auto/log.jsonl")).unwrap();
    assert!(matches!(pair.append(), MirrorState::Failed(_)));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
    std::fs::remove_file(pair.room.path("repo/.auto/log.jsonl")).unwrap();
    assert_eq!(pair.append(), MirrorState::Created);
    assert_eq!(pair.mirror(), pair.home());
}
