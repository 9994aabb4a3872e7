//! What the three faces of a curve show, and that nothing from outside can break one.

use proptest::prelude::*;
use sprag_judge::{Direction, Status};
use tiny_skia::Pixmap;

use super::figure::Ink;
use super::{Curve, Glyphs, Point, png, svg, text};

fn curve(metric: &str, unit: &str, direction: Direction, runs: &[(u32, Option<f64>, Status)]) -> Curve {
    let points = runs.iter().map(|&(run, value, status)| Point { run, value, status }).collect();
    Curve { metric: metric.to_owned(), unit: unit.to_owned(), direction, points }
}

fn small() -> Curve {
    use Status::*;
    let runs = [
        (1, Some(338.57), Keep),
        (2, Some(113.35), Keep),
        (3, Some(140.0), Discard),
        (4, Some(102.57), ChecksFailed),
        (5, None, Crash),
        (6, Some(43.85), Keep),
        (7, Some(44.1), Discard),
    ];
    curve("p95_ms", "ms", Direction::Lower, &runs)
}

#[test]
fn the_svg_shows_every_run_with_its_verdict() {
    insta::assert_snapshot!(svg(&small()), @r##"
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 460" width="860" height="460" role="img" font-family="Roboto, 'Helvetica Neue', Arial, sans-serif" stroke-linejoin="round">
    <title>p95_ms from 338.6 ms to 43.85 ms</title>
    <desc>7 runs, lower is better, log scale: 3 kept, 2 discarded, 1 checks failed, 1 crashed.</desc>
    <rect width="100%" height="100%" fill="#ffffff"/>
    <text x="20" y="34" text-anchor="start" font-size="19" font-weight="500" fill="#1f2933" stroke="#ffffff" stroke-width="3" paint-order="stroke">p95_ms from 338.6 ms to 43.85 ms</text>
    <text x="20" y="56" text-anchor="start" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">7 runs, lower is better, log scale</text>
    <g fill="#0072b2" stroke="#ffffff" stroke-width="1">
    <circle cx="26" cy="75" r="4.5"/>
    </g>
    <text x="36" y="79.3" text-anchor="start" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">3 kept</text>
    <g fill="#ffffff" stroke="#7b8794" stroke-width="1.6">
    <circle cx="92.8" cy="75" r="3.4"/>
    </g>
    <text x="102.8" y="79.3" text-anchor="start" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">2 discarded</text>
    <g fill="#d55e00" stroke="#ffffff" stroke-width="1">
    <path d="M189.1 69.8 194 78.6 184.2 78.6 Z"/>
    </g>
    <text x="199.1" y="79.3" text-anchor="start" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">1 checks failed</text>
    <g fill="none" stroke="#8c2d73" stroke-width="1.6">
    <path d="M299.6 71.3L307 78.7M299.6 78.7L307 71.3"/>
    </g>
    <text x="313.3" y="79.3" text-anchor="start" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">1 crashed</text>
    <path fill="none" stroke="#0072b2" stroke-width="2" d="M383.8 75L405.8 75"/>
    <text x="412.8" y="79.3" text-anchor="start" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">incumbent</text>
    <rect x="72" y="384" width="684" height="24" fill="#f5f6f8"/>
    <text x="62" y="400.2" text-anchor="end" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">no value</text>
    <path fill="none" stroke="#e6e9ed" stroke-width="1" d="M72 352.1L756 352.1"/>
    <text x="62" y="356.3" text-anchor="end" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">50</text>
    <path fill="none" stroke="#e6e9ed" stroke-width="1" d="M72 309.7L756 309.7"/>
    <text x="62" y="313.9" text-anchor="end" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">70</text>
    <path fill="none" stroke="#e6e9ed" stroke-width="1" d="M72 264.9L756 264.9"/>
    <text x="62" y="269.1" text-anchor="end" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">100</text>
    <path fill="none" stroke="#e6e9ed" stroke-width="1" d="M72 213.8L756 213.8"/>
    <text x="62" y="218" text-anchor="end" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">150</text>
    <path fill="none" stroke="#e6e9ed" stroke-width="1" d="M72 177.7L756 177.7"/>
    <text x="62" y="181.9" text-anchor="end" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">200</text>
    <path fill="none" stroke="#e6e9ed" stroke-width="1" d="M72 126.6L756 126.6"/>
    <text x="62" y="130.8" text-anchor="end" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">300</text>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M72 408L756 408"/>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M84 408L84 413"/>
    <text x="84" y="427" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">1</text>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M194 408L194 413"/>
    <text x="194" y="427" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">2</text>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M304 408L304 413"/>
    <text x="304" y="427" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">3</text>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M414 408L414 413"/>
    <text x="414" y="427" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">4</text>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M524 408L524 413"/>
    <text x="524" y="427" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">5</text>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M634 408L634 413"/>
    <text x="634" y="427" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">6</text>
    <path fill="none" stroke="#5b6673" stroke-width="1" d="M744 408L744 413"/>
    <text x="744" y="427" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">7</text>
    <text x="414" y="446" text-anchor="middle" font-size="12" font-weight="400" fill="#5b6673" stroke="#ffffff" stroke-width="3" paint-order="stroke">run</text>
    <path fill="none" stroke="#0072b2" stroke-width="2" d="M84 111.4L194 111.4L194 249.1L634 249.1L634 368.6L756 368.6"/>
    <g fill="#ffffff" stroke="#7b8794" stroke-width="1.6">
    <circle cx="304" cy="222.5" r="3.4"><title>run 3: 140 ms, discarded</title></circle>
    <circle cx="744" cy="367.9" r="3.4"><title>run 7: 44.1 ms, discarded</title></circle>
    </g>
    <g fill="none" stroke="#8c2d73" stroke-width="1.6">
    <path d="M520.3 392.3L527.7 399.7M520.3 399.7L527.7 392.3"><title>run 5: no value, crashed</title></path>
    </g>
    <g fill="#d55e00" stroke="#ffffff" stroke-width="1">
    <path d="M414 256.5 418.9 265.3 409.1 265.3 Z"><title>run 4: 102.6 ms, checks failed</title></path>
    </g>
    <g fill="#0072b2" stroke="#ffffff" stroke-width="1">
    <circle cx="84" cy="111.4" r="4.5"><title>run 1: 338.6 ms, kept</title></circle>
    <circle cx="194" cy="249.1" r="4.5"><title>run 2: 113.3 ms, kept</title></circle>
    <circle cx="634" cy="368.6" r="4.5"><title>run 6: 43.85 ms, kept</title></circle>
    </g>
    <text x="202" y="184.5" text-anchor="start" font-size="12" font-weight="400" fill="#1f2933" stroke="#ffffff" stroke-width="3" paint-order="stroke">run 2: −66.5 %</text>
    <text x="642" y="313" text-anchor="start" font-size="12" font-weight="400" fill="#1f2933" stroke="#ffffff" stroke-width="3" paint-order="stroke">run 6: −61.3 %</text>
    <text x="764" y="373.2" text-anchor="start" font-size="13" font-weight="500" fill="#0072b2" stroke="#ffffff" stroke-width="3" paint-order="stroke">43.85 ms</text>
    </svg>
    "##);
}

#[test]
fn the_terminal_shows_every_run_with_its_verdict() {
    insta::assert_snapshot!(text(&small(), 80, 16, Glyphs::Unicode), @r#"
    p95_ms from 338.6 ms to 43.85 ms
              │
          300 ┤●──────────┐
              │           │
          200 ┤           │
          150 ┤           │           ○
              │           ●─────────────────────────────────────────────┐
          100 ┤                                  ▲                      │
           70 ┤                                                         │
              │                                                         │
           50 ┤                                                         ●──────────○
              │
     no value ┤                                             ×
              └─────────────────────────────────────────────────────────────────────
               run 1              7 runs, lower is better, log scale               7
    ● 3 kept  ○ 2 discarded  ▲ 1 checks failed  × 1 crashed
    "#);
}

#[test]
fn a_terminal_without_unicode_shows_the_same() {
    insta::assert_snapshot!(text(&small(), 60, 14, Glyphs::Ascii), @r#"
    p95_ms from 338.6 ms to 43.85 ms
              |#-------+
          300 +        |
          200 +        |
          150 +        |
              |        #-------o-----------------------+
          100 +                        !               |
           70 +                                        |
           50 +                                        |
              |                                        #-------o
     no value +                                x
              +-------------------------------------------------
               run 1    7 runs, lower is better, log scale     7
    # 3 kept  o 2 discarded  ! 1 checks failed  x 1 crashed
    "#);
}

#[test]
fn where_higher_is_better_the_line_climbs() {
    use Status::*;
    let runs =
        [(1, Some(100.0), Keep), (2, Some(90.0), Discard), (4, Some(130.0), Keep), (5, Some(120.0), Discard)];
    let climbing = curve("ops", "/s", Direction::Higher, &runs);
    insta::assert_snapshot!(text(&climbing, 60, 12, Glyphs::Unicode), @r#"
    ops from 100 /s to 130 /s
          130 ┤                                    ●────────────
              │                                    │
          120 ┤                                    │           ○
              │                                    │
          110 ┤                                    │
          100 ┤●───────────────────────────────────┘
              │
           90 ┤            ○
              └─────────────────────────────────────────────────
               run 1         4 runs, higher is better          5
    ● 2 kept  ○ 2 discarded  ▲ 0 checks failed  × 0 crashed
    "#);
}

#[test]
fn a_session_without_runs_is_an_empty_picture() {
    let empty = curve("p95_ms", "ms", Direction::Lower, &[]);
    insta::assert_snapshot!(text(&empty, 60, 9, Glyphs::Unicode), @r#"
    p95_ms
              │
              │
              │
              │
              │
              └─────────────────────────────────────────────────

    ● 0 kept  ○ 0 discarded  ▲ 0 checks failed  × 0 crashed
    "#);
    assert!(svg(&empty).contains("0 kept"));
}

#[test]
fn a_run_whose_value_is_not_on_the_scale_stands_with_the_unknown_ones() {
    use Status::*;
    let runs = [
        (1, Some(100.0), Keep),
        (2, Some(0.0), ChecksFailed),
        (3, Some(10.0), Keep),
        (4, Some(1e300), Discard),
    ];
    let picture = text(&curve("ms", "", Direction::Lower, &runs), 40, 12, Glyphs::Ascii);
    let lane = picture.lines().find(|line| line.contains("no value")).expect("there is a lane");
    assert!(lane.contains('!') && lane.contains('o'), "{picture}");
}

#[test]
fn values_that_differ_by_little_still_have_different_labels() {
    let runs = [(1, Some(1000.1), Status::Keep), (2, Some(1000.4), Status::Keep)];
    let picture = text(&curve("ms", "", Direction::Lower, &runs), 40, 20, Glyphs::Ascii);
    let mut labels: Vec<&str> =
        picture.lines().filter_map(|line| line.split_once(" +")).map(|row| row.0).collect();
    let all = labels.len();
    labels.dedup();
    assert!(all > 3 && labels.len() == all, "{picture}");
}

#[test]
fn the_png_has_a_mark_of_every_verdict_and_legible_text() {
    let file = png(&small());
    let pixels = Pixmap::decode_png(&file).expect("it is a PNG");
    assert_eq!((pixels.width(), pixels.height()), (1720, 920));
    let count = |Ink([red, green, blue])| {
        let same = |pixel: &&tiny_skia::PremultipliedColorU8| {
            (pixel.red(), pixel.green(), pixel.blue()) == (red, green, blue)
        };
        pixels.pixels().iter().filter(same).count()
    };
    for status in [Status::Keep, Status::Discard, Status::ChecksFailed, Status::Crash] {
        assert!(count(Ink::of(status)) > 20, "{status:?}");
    }
    assert!(count(Ink::TEXT) > 500);
}

#[test]
fn a_name_from_a_log_stays_a_name() {
    let hostile = curve(
        "</title><script>alert(1)</script>",
        "\u{1b}[31m\"'&",
        Direction::Lower,
        &[(1, Some(2.0), Status::Keep)],
    );
    let page = svg(&hostile);
    assert!(!page.contains("<script") && !page.contains('\u{1b}'), "{page}");
    assert!(page.contains("&lt;script&gt;") && page.contains("&quot;&#39;&amp;"), "{page}");
    let terminal = text(&hostile, 80, 10, Glyphs::Unicode);
    assert!(!terminal.contains('\u{1b}'), "{terminal}");
}

fn any_curve() -> impl Strategy<Value = Curve> {
    let status = prop_oneof![
        Just(Status::Keep),
        Just(Status::Discard),
        Just(Status::ChecksFailed),
        Just(Status::Crash)
    ];
    let value = prop_oneof![
        3 => (1.0..1e4).prop_map(Some),
        1 => any::<f64>().prop_map(Some),
        1 => (-5.0..5.0).prop_map(Some),
        1 => Just(None),
    ];
    let run = prop_oneof![9 => 0u32..100, 1 => any::<u32>()];
    let point = (run, value, status).prop_map(|(run, value, status)| Point { run, value, status });
    let direction = prop_oneof![Just(Direction::Lower), Just(Direction::Higher)];
    (any::<String>(), any::<String>(), direction, prop::collection::vec(point, 0..40))
        .prop_map(|(metric, unit, direction, points)| Curve { metric, unit, direction, points })
}

#[test]
fn run_numbers_that_would_run_together_leave_out_the_last() {
    let runs = [(10_000_000, Some(2.0), Status::Keep), (20_000_000, Some(1.0), Status::Keep)];
    let axis = |width| {
        let picture = text(&curve("ms", "", Direction::Lower, &runs), width, 8, Glyphs::Ascii);
        picture.lines().nth(6).expect("there is a run axis").trim().to_owned()
    };
    assert_eq!(axis(30), "run 10000000");
    assert_eq!(axis(32), "run 10000000 20000000");
}

proptest! {
    #[test]
    fn any_curve_fits_its_terminal(curve in any_curve(), width in 0usize..500, height in 0usize..300) {
        let picture = text(&curve, width, height, Glyphs::Ascii);
        prop_assert!(picture.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
        prop_assert_eq!(picture.lines().count(), height.clamp(8, 200));
        prop_assert!(picture.lines().all(|line| line.len() <= width.clamp(30, 400)));
        prop_assert!(!text(&curve, width, height, Glyphs::Unicode).contains(|c: char| c.is_control() && c != '\n'));
    }

    #[test]
    fn any_curve_is_one_well_formed_document(curve in any_curve()) {
        let page = svg(&curve);
        prop_assert!(!page.contains("NaN") || curve.metric.contains("NaN") || curve.unit.contains("NaN"));
        prop_assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
        // Every tag is one of ours, and every one that opens closes.
        let (mut open, mut rest) = (Vec::new(), page.as_str());
        while let Some(start) = rest.find('<') {
            let end = rest[start..].find('>').expect("a tag ends") + start;
            let tag = &rest[start + 1..end];
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
            prop_assert!(["svg", "title", "desc", "rect", "path", "g", "circle", "text"].contains(&name), "{}", tag);
            if tag.starts_with('/') {
                prop_assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            rest = &rest[end + 1..];
        }
        prop_assert!(open.is_empty());
    }
}

proptest! {
    // A picture of two million pixels takes its time without optimisation; the shapes are those of the SVG.
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_curve_is_a_png(curve in any_curve()) {
        prop_assert!(png(&curve).starts_with(b"\x89PNG\r\n\x1a\n"));
    }
}
