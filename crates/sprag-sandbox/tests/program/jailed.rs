//! A launcher without the rest of Sprag, and programs that misbehave in ways in which a shell can't.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// `__jail` as in Sprag; otherwise the name of what to do, and how long in milliseconds, how often, or how many megabytes.
fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let name = args.next().unwrap_or_default();
    let mut milliseconds =
        || args.next().and_then(|arg| arg.to_str()?.parse().ok()).map(Duration::from_millis);
    match name.to_str() {
        Some(sprag_sandbox::COMMAND) => sprag_sandbox::launch(args),
        Some("examine") => {
            let itself = std::env::current_exe().unwrap_or_default();
            print!("{}", sprag_sandbox::examine(&[itself.as_os_str(), sprag_sandbox::COMMAND.as_ref()]));
            ExitCode::SUCCESS
        }
        Some("burn") => {
            let Some(time) = milliseconds() else { return ExitCode::from(2) };
            burn(time);
            ExitCode::SUCCESS
        }
        Some("fill") => {
            let Some(megabytes) = milliseconds() else { return ExitCode::from(2) };
            let mut memory = vec![0_u8; megabytes.as_millis() as usize * 1_000_000];
            memory.chunks_mut(1024).for_each(|chunk| chunk[0] = 1);
            println!("{} bytes", std::hint::black_box(&memory).len());
            ExitCode::SUCCESS
        }
        Some("jail") => jail(),
        Some("start-others-without-end") => {
            let Some(most) = milliseconds() else { return ExitCode::from(2) };
            start_others(most.as_millis());
            ExitCode::SUCCESS
        }
        Some("burn-in-a-child-that-nobody-waits-for") => {
            let Some(time) = milliseconds() else { return ExitCode::from(2) };
            unseen_child(time)
        }
        _ => ExitCode::from(2),
    }
}

/// Starts a program in a jail, says its number, and waits to be killed.
fn jail() -> ExitCode {
    let itself = std::env::current_exe().unwrap_or_default();
    let jail = sprag_sandbox::Jail::new([itself.as_os_str(), sprag_sandbox::COMMAND.as_ref()])
        .confine(sprag_sandbox::Confinement::new(sprag_sandbox::Tier::Reduced));
    let started = || -> Result<_, Box<dyn std::error::Error>> {
        let (command, door) = jail.prepare(&["sleep", "60"])?;
        let child = std::process::Command::new(&command[0]).args(&command[1..]).spawn()?;
        let group = door.open(&child, Duration::from_secs(30))?.go()?;
        Ok((child, group))
    };
    match started() {
        Ok((child, _group)) => {
            println!("{}", child.id());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts children that stay until this process ends, as many as it may, and says how many those were.
fn start_others(most: u128) {
    let mut started = 0;
    while started < most {
        #[expect(unsafe_code, reason = "nothing else forks")]
        // SAFETY: this process has one thread; the child only waits for a signal.
        match unsafe { libc::fork() } {
            -1 => break,
            0 => loop {
                std::thread::park();
            },
            _ => started += 1,
        }
    }
    println!("{started}");
}

/// Its end is ignored, so its time is added to nobody's.
fn unseen_child(time: Duration) -> ExitCode {
    #[expect(unsafe_code, reason = "nothing else ignores a signal, or forks")]
    // SAFETY: this process has one thread; the child only computes and ends.
    let child = unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        libc::fork()
    };
    match child {
        -1 => ExitCode::FAILURE,
        0 => {
            burn(time);
            ExitCode::SUCCESS
        }
        _ => {
            #[expect(unsafe_code, reason = "waits until no child is left, without getting any's status")]
            // SAFETY: no status is asked for.
            while unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } > 0 {}
            ExitCode::SUCCESS
        }
    }
}

/// So much CPU time, however long that takes.
fn burn(time: Duration) {
    let start = Instant::now();
    let used = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    while Duration::try_from(used()).unwrap_or_default() < time {
        // A machine on which it never gets the CPU shall not be waited for.
        if start.elapsed() > Duration::from_secs(60) {
            return;
        }
        std::hint::spin_loop();
    }
}
