//! `sprag diff N`: what a try changed, kept or not.

mod repo;

use repo::{Repo, lines};

#[test]
fn the_diff_of_any_try_applies_to_the_incumbent_of_its_time() {
    let repo = Repo::new();
    repo.propose_text("01-longer", "src/b.txt", &lines("b", 20));
    repo.propose_text("02-outside", "README", "mine\n");
    repo.play().expect(0);
    let diff = repo.run(&["diff", "2"]).expect(0).stdout;
    std::fs::write(repo.beside("x.patch"), &diff).unwrap();
    repo.git(&["apply", repo.beside("x.patch").to_str().unwrap()]);
    assert_eq!(repo.read("src/b.txt"), lines("b", 20));
    let json = repo.run(&["diff", "2", "--json"]).expect(0).json();
    assert_eq!(json["diff"].as_str().unwrap().trim_end(), diff.trim_end());
    repo.run(&["diff", "1"]).expect(1).says(&["it is a baseline"]);
    repo.run(&["diff", "9"]).expect(1).says(&["there is no run 9"]);
}
