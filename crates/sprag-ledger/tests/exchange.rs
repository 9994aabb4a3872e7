//! Logs of other tools come in, and go out again.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod sample;

use camino::Utf8PathBuf;
use proptest::prelude::*;
use sample::Room;
use sprag_ledger::{
    Ledger, Log,
    export::{csv, jsonl, karpathy},
    import::{self, Dialect, detect, read_bytes},
    read,
    view::log_view,
};

const KARPATHY: &str = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n\
    a1b2c3d\t0.997900\t44.0\tkeep\tbaseline\n\
    b2c3d4e\t0.993200\t44.2\tkeep\thigher rate for the matrices\n\
    c3d4e5f\t1.005000\t44.0\tdiscard\tanother activation\n\
    d4e5f6g\t0.000000\t0.0\tcrash\ttwice the width, out of memory\n";

const UDITGOENKA: &str = "# metric_direction: higher_is_better\n\
    iteration\ttimestamp\tcommit\tmetric\tdelta\tguard\tguard-metric\tstatus\tdescription\n\
    0\t2026-03-16T10:00:00Z\ta1b2c3d\t85.2\t0.0\tpass\t12\tbaseline\tcoverage as it is\n\
    1\t2026-03-16T10:05:00Z\tb2c3d4e\t87.1\t+1.9\tpass\t12\tkeep\ttests for the parser\n\
    2\t2026-03-16T10:10:00Z\t-\t86.5\t-0.6\tfail\t-\tdiscard\tslower set-up\n\
    3\t2026-03-16T10:15:00Z\t-\t0.0\t0.0\t-\t-\tno-op\tnothing to do\n";

const CRATE: &str = r#"{"run":0,"hash":"a1b2c3d","metric":120.5,"delta":0.0,"status":"baseline","summary":"as it was","timestamp":"2026-04-01T08:00:00Z"}
{"run":1,"hash":"b2c3d4e","metric":101.0,"delta":-19.5,"status":"kept","summary":"one allocation less","timestamp":"2026-04-01T08:10:00Z"}
{"run":2,"hash":"c3d4e5f","metric":131.0,"delta":30.0,"status":"discarded","summary":"threads","timestamp":"2026-04-01T08:20:00Z"}
"#;

const SKYPILOT: &str = "experiment_id\tstatus\tval_bpb\tmemory_gb\tdescription\n\
    base\tkeep\t1.003\t40.1\tbaseline\n\
    lr-17\tdiscard\t1.010\t40.1\ta smaller rate\n\
    w-3\tcrash\t0\t0\ttoo wide\n\
    short line\n";

fn table(text: &str, dialect: Dialect) -> String {
    assert_eq!(detect(text.as_bytes()), Some(dialect));
    log_view(&read_bytes(text.as_bytes()).unwrap().log).to_text(90)
}

#[test]
fn the_tables_of_others_read_as_ours() {
    insta::assert_snapshot!(table(KARPATHY, Dialect::Karpathy), @"
    imported from karpathy · val_bpb (lower is better)
    run  val_bpb  change  status   reason    description
      1   0.9979          keep     baseline  baseline
     *2   0.9932   -0.5%  keep               higher rate for the matrices
      3    1.005   +0.7%  discard            another activation
      4        ?          crash              twice the width, out of memory
    ");
    insta::assert_snapshot!(table(UDITGOENKA, Dialect::Uditgoenka), @"
    imported from uditgoenka · metric (higher is better)
    run  metric  change  status   reason    description
      0    85.2          keep     baseline  coverage as it is
     *1    87.1   +2.2%  keep               tests for the parser
      2    86.5   +1.5%  discard            slower set-up
      3       ?          no-op              nothing to do
    ");
    insta::assert_snapshot!(table(CRATE, Dialect::AutoresearchCrate), @"
    imported · metric (lower is better)
    run  metric  change  status   reason    description
      0   120.5          keep     baseline  as it was
     *1     101  -16.2%  keep               one allocation less
      2     131   +8.7%  discard            threads
    ");
    insta::assert_snapshot!(table(SKYPILOT, Dialect::SkyPilot), @"
    imported from skypilot · val_bpb (lower is better)
    run  val_bpb  change  status   reason    description
     *1    1.003          keep     baseline  baseline
      2     1.01   +0.7%  discard            a smaller rate
      3        ?          crash              too wide
    1 line was not understood: 5
    ");
}

fn fixture(name: &str) -> Utf8PathBuf {
    Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn pi_and_sprag_are_told_apart_and_what_is_neither_is_refused() {
    for (name, dialect) in [
        ("v1.jsonl", Dialect::Sprag),
        ("pi-segments.jsonl", Dialect::Pi),
        ("pi-no-config.jsonl", Dialect::Pi),
        ("pi-damaged.jsonl", Dialect::Pi),
    ] {
        assert_eq!(import::read(&fixture(name)).unwrap().dialect, dialect, "{name}");
    }
    for text in ["", "\n\n", "{}", "hello", "a\tb\tc", "commit\tx", "{\"type\":\"note\"}"] {
        assert_eq!(detect(text.as_bytes()), None, "{text:?}");
        assert!(read_bytes(text.as_bytes()).is_err());
    }
}

#[test]
fn an_imported_log_goes_into_a_ledger_and_is_still_not_called_verified() {
    let room = Room::new();
    let home = room.path("ledger.jsonl");
    let mut ledger = Ledger::create(&home, None).unwrap();
    for entry in read_bytes(KARPATHY.as_bytes()).unwrap().into_entries() {
        ledger.append(entry).unwrap();
    }
    let view = log_view(&read(&home).unwrap());
    assert_eq!(view.session.chain, "unverified");
    assert!(view.segments[0].runs.iter().all(|run| run.chain == "unverified"));
    assert_eq!(view.segments[0].best, Some(2));
}

fn exported(
    log: &Log,
    how: impl Fn(&sprag_ledger::Session<'_>, &mut Vec<u8>) -> std::io::Result<()>,
) -> String {
    let mut out = Vec::new();
    how(&log.session(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn karpathys_table_comes_out_as_it_went_in() {
    let log = read_bytes(KARPATHY.as_bytes()).unwrap().log;
    assert_eq!(exported(&log, karpathy), KARPATHY);
}

#[test]
fn pis_dialect_comes_out_without_a_chain_and_reads_back() {
    let log = read(&fixture("v1.jsonl")).unwrap();
    let text = exported(&log, jsonl);
    assert!(!text.contains("\"prev\""));
    assert_eq!(detect(text.as_bytes()), Some(Dialect::Pi));
    let again = read_bytes(text.as_bytes()).unwrap().log;
    let entries = |log: &Log| log.records.iter().map(|record| record.entry.clone()).collect::<Vec<_>>();
    assert_eq!(entries(&again), entries(&log));
}

#[test]
fn a_spreadsheet_gets_quoted_cells_and_no_formulas() {
    let text = "{\"type\":\"config\",\"metricName\":\"ms\",\"bestDirection\":\"lower\"}\n\
        {\"run\":1,\"metric\":4,\"status\":\"keep\",\"description\":\"a, \\\"b\\\"\\nc\",\"metrics\":{\"x\":1}}\n\
        {\"run\":2,\"metric\":2,\"status\":\"keep\",\"description\":\"=HYPERLINK(1)\",\"metrics\":{\"@y\":2}}\n\
        {\"run\":3,\"metric\":0,\"status\":\"crash\",\"description\":\"no\"}\n";
    insta::assert_snapshot!(exported(&read_bytes(text.as_bytes()).unwrap().log, csv), @r#"
    segment,run,kind,status,reason,metric_name,metric,change,timestamp,commit,agent,usd,input_tokens,output_tokens,seconds,description,detail,'@y,x
    0,1,baseline,keep,,ms,4,0,,,,,,,,"a, ""b""
    c",,,1
    0,2,experiment,keep,,ms,2,-0.5,,,,,,,,'=HYPERLINK(1),,2,
    0,3,experiment,crash,,ms,,,,,,,,,,no,,,
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_table_upsets_the_importers(
        start in prop::sample::select(vec![KARPATHY, UDITGOENKA, CRATE, SKYPILOT]),
        keep in any::<prop::sample::Index>(),
        rest in "[\\PC\t\n\"{}#:0-9.e+-]{0,200}",
    ) {
        let cut = start.char_indices().map(|(at, _)| at).nth(keep.index(start.len())).unwrap_or(0);
        if let Ok(imported) = read_bytes(format!("{}{rest}", &start[..cut]).as_bytes()) {
            let log = imported.log;
            exported(&log, karpathy);
            exported(&log, csv);
            exported(&log, jsonl);
            log_view(&log).to_text(40);
        }
    }
}
