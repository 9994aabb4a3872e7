//! `sprag ideas`: what is parked.

mod repo;

use repo::Repo;

#[test]
fn parked_ideas_are_listed_with_their_phase_and_rule() {
    let repo = Repo::new();
    repo.run(&["ideas"]).expect(1).says(&["there is no session"]);
    repo.proposal(
        "01-a",
        "description = \"cache \\u001b[31mit\"\npark = true\n[asi]\nrule = \"calls == 7\\n\\u001b[0m\"\n",
        "",
    );
    repo.proposal("02-nothing", "description = \"nothing\"\n", "");
    repo.play().expect(0);
    let done = repo.run(&["ideas"]).expect(0).says(&["(parked in phase 1): calls == 7"]);
    assert!(!done.stdout.contains('\u{1b}'), "{:?}", done.stdout);
    let ideas = repo.run(&["ideas", "--json"]).expect(0).json();
    assert_eq!(ideas["ideas"].as_array().unwrap().len(), 1);
    assert!(!repo.read(".auto/ideas.md").contains('\u{1b}'));
}

#[test]
fn what_the_person_wrote_in_the_ideas_stays() {
    let repo = Repo::new();
    repo.write(".auto/ideas.md", "# Ideas\n- mine");
    repo.commit("ideas");
    repo.proposal("01-a", "description = \"theirs\"\npark = true\n", "");
    repo.play().expect(0);
    assert_eq!(repo.read(".auto/ideas.md"), "# Ideas\n- mine\n- theirs (parked in phase 1)\n");
}

#[test]
fn ideas_that_are_a_link_lead_nowhere() {
    let repo = Repo::new();
    let target = repo.beside("precious");
    std::fs::write(&target, "precious\n").unwrap();
    std::os::unix::fs::symlink(&target, repo.root().join(".auto/ideas.md")).unwrap();
    repo.proposal("01-a", "description = \"theirs\"\npark = true\n", "");
    repo.play().expect(0).says(&["ideas.md could not be written", "the ledger has the idea"]);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious\n");
    repo.run(&["ideas"]).expect(0).says(&["theirs"]);
}
