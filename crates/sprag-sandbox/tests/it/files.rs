//! What a jailed program may read and write.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sprag_sandbox::{Confinement, JailError, Step, Tier};

use crate::ground::{Ground, User, all_said, printed, start};

fn ground() -> Ground {
    Ground::new(&["given/file=given", "given/goldens/case=golden", "given/key=secret", "elsewhere/file=mine"])
}

fn given(ground: &Ground, tier: Tier) -> Confinement {
    let mut confinement = ground.confinement(tier);
    confinement.read.push(ground.path("given"));
    confinement.hide = vec![ground.path("given/goldens"), ground.path("given/key")];
    confinement
}

#[test]
fn a_program_reads_what_it_was_given_and_writes_where_it_may() {
    for (user, tier) in User::with_each_tier() {
        let ground = ground();
        let output =
            ground.shell(&user, &given(&ground, tier), "cat ../given/file && echo done >result && pwd");
        let expected = format!("given{}", ground.path("work").display());
        assert_eq!(printed(&output), expected, "{user:?} {tier}: {}", all_said(&output));
        assert_eq!(fs::read_to_string(ground.path("work/result")).unwrap(), "done\n");
    }
}

#[test]
fn a_candidate_that_reads_a_golden_finds_nothing() {
    for (user, tier) in User::with_each_tier() {
        let ground = ground();
        let tries = "cat ../given/goldens/case; cat ../given/key; cat ../given/goldens/*; cat ../elsewhere/file
            cat /proc/1/root/$PWD/../given/key; cat /proc/1/cwd/given/key; cat /proc/self/root/$PWD/../given/key";
        let output = ground.shell(&user, &given(&ground, tier), tries);
        assert_eq!(printed(&output), "", "{user:?} {tier}");
    }
}

#[test]
fn nothing_is_changed_but_where_it_may_be() {
    for (user, tier) in User::with_each_tier() {
        let ground = ground();
        let tries = "echo x >../given/file; echo x >../given/new; echo x >../elsewhere/file; echo x >../new
            rm -f ../given/file; mv ../given/file ../given/moved; ln ../given/file linked; mkdir ../given/goldens/new
            chmod 000 ../given; echo x >/usr/sprag-was-here; echo x >/etc/sprag-was-here; mknod device c 1 3
            echo x >/proc/sys/kernel/core_pattern; echo x >/proc/sysrq-trigger; mount -o remount,rw /; true";
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
        let output = ground.shell(&user, &given(&ground, tier), tries);
        assert!(output.status.success(), "{}", all_said(&output));
        let names = |name: &str| {
            let entries = fs::read_dir(ground.path(name)).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names.join(" ")
        };
        let context = format!("{user:?} {tier}: {}", all_said(&output));
        assert_eq!(fs::read_to_string(ground.path("given/file")).unwrap(), "given", "{context}");
        assert_eq!(fs::read_to_string(ground.path("elsewhere/file")).unwrap(), "mine", "{context}");
        assert_eq!(fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap(), pattern, "{context}");
        assert_eq!(names("."), "elsewhere given work", "{context}");
        assert_eq!(names("given"), "file goldens key", "{context}");
        assert_eq!(names("given/goldens"), "case", "{context}");
        assert_eq!(names("work"), "", "{context}");
        if tier == Tier::Enforced {
            let mode = fs::metadata(ground.path("given")).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o777, "Landlock alone does not know modes; {context}");
        }
        assert!(!fs::exists("/usr/sprag-was-here").unwrap() && !fs::exists("/etc/sprag-was-here").unwrap());
    }
}

#[test]
fn in_place_of_what_is_hidden_there_is_something_empty() {
    for user in User::with(Tier::Enforced) {
        let ground = ground();
        let output = ground.shell(
            &user,
            &given(&ground, Tier::Enforced),
            "ls ../given; ls -A ../given/goldens; wc -c <../given/key; echo x >../given/key || echo locked",
        );
        assert_eq!(printed(&output), "file\ngoldens\nkey\n0\nlocked", "{user:?} {}", all_said(&output));
    }
}

#[test]
fn scratch_is_empty_each_time_and_gone_after() {
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&["work/cache/old=old"]);
        let mut confinement = ground.confinement(Tier::Enforced);
        confinement.scratch = vec![ground.path("work/cache")];
        let script = "ls -A cache; for folder in cache /tmp /var/tmp /dev/shm /run
            do if [ -e $folder/left ]; then echo $folder/left; fi; echo x >$folder/left || exit 1; done";
        for _ in 0..2 {
            let output = ground.shell(&user, &confinement, script);
            assert!(output.status.success() && printed(&output).is_empty(), "{user:?} {}", all_said(&output));
        }
        assert_eq!(fs::read_to_string(ground.path("work/cache/old")).unwrap(), "old");
        assert!(!fs::exists(ground.path("work/cache/left")).unwrap());
    }
}

#[test]
fn neither_scratch_nor_a_file_grows_without_end() {
    for user in User::with(Tier::Enforced) {
        let ground = Ground::new(&[]);
        let mut confinement = ground.confinement(Tier::Enforced);
        confinement.limits.scratch_bytes = 1 << 20;
        confinement.limits.scratch_files = 100;
        confinement.limits.file_bytes = 3 << 20;
        let script = "head -c 2M /dev/zero >/tmp/large && echo large; rm /tmp/large
            i=0; while [ $i -lt 200 ] && echo >/tmp/$i; do i=$((i+1)); done 2>/dev/null; [ $i -lt 100 ] || echo many
            head -c 9M /dev/zero >large && echo endless; true";
        let output = ground.shell(&user, &confinement, script);
        // Bubblewrap can't be told how many files there may be.
        let grown = if user.backend.is_own() { "" } else { "many" };
        assert_eq!(printed(&output), grown, "{user:?} {}", all_said(&output));
        assert_eq!(fs::metadata(ground.path("work/large")).unwrap().len(), 3 << 20);
    }
}

#[test]
fn what_is_not_there_outside_is_refused_by_name() {
    for (user, tier) in User::with_each_tier() {
        let ground = ground();
        let mut confinement = ground.confinement(tier);
        confinement.read.push(ground.path("missing"));
        let refused = start(&user.jail(&confinement), &["true"], &ground.path("work")).err().unwrap();
        assert!(refused.to_string().contains("/missing` be there in a jail"), "{refused}");
    }
    for user in User::with(Tier::Enforced) {
        let ground = ground();
        let jail = user.jail(&ground.confinement(Tier::Enforced));
        match start(&jail, &["true"], &ground.path("elsewhere")).err() {
            Some(JailError::Refused(refusal)) => {
                let folder = ground.path("elsewhere").display().to_string();
                assert_eq!(refusal.step, Step::Folder(folder), "{user:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
