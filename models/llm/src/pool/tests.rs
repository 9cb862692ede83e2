use super::*;

/// Squares of the parts' numbers; one of them may panic.
struct Squares {
    items: usize,
    panics: Option<usize>,
}

impl Work for Squares {
    fn items(&self) -> usize {
        self.items
    }

    fn run(&self, item: usize, out: &mut Vec<f32>) {
        assert_ne!(Some(item), self.panics, "as it was told");
        out.push((item * item) as f32);
    }
}

fn squares(pool: &Pool, items: usize) -> Vec<f32> {
    let mut squares = vec![-1.0; items];
    pool.run(&Arc::new(Squares { items, panics: None }), &mut |item, result| {
        assert!(squares[item] < 0.0, "handed over twice");
        squares[item] = result[0];
    });
    squares
}

fn expected(items: usize) -> Vec<f32> {
    (0..items).map(|item| (item * item) as f32).collect()
}

#[test]
fn every_part_is_done_once_by_any_number_of_threads() {
    for threads in [0, 1, 2, 5] {
        let pool = Pool::new(threads);
        assert_eq!(pool.threads(), threads.max(1));
        for round in 0..300 {
            let items = round % 40;
            assert_eq!(squares(&pool, items), expected(items));
        }
    }
}

#[test]
fn threads_that_sleep_wake_up() {
    let pool = Pool::new(3);
    for _ in 0..3 {
        while !pool.shared.seats.iter().all(|seat| seat.sleeps.load(Ordering::SeqCst)) {
            thread::yield_now();
        }
        assert_eq!(squares(&pool, 100), expected(100));
    }
}

#[test]
fn a_part_that_panics_is_told_and_hangs_nothing() {
    let pool = Pool::new(2);
    for panics in 0..20 {
        let work = Arc::new(Squares { items: 20, panics: Some(panics) });
        let result = catch_unwind(AssertUnwindSafe(|| pool.run(&work, &mut |_, _| {})));
        assert!(result.is_err());
        assert_eq!(Arc::strong_count(&work), 1, "nobody holds it any longer");
        // What was done of it is not taken for the next work's results.
        assert_eq!(squares(&pool, 50), expected(50));
    }
}
