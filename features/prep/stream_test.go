package prep

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
)

// A stream has the rows of each part that Load has, in their order.
func TestStreamHasTheRowsOfLoad(t *testing.T) {
	opt := Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, RowGroup: 50}
	_, ds := prepared(t, opt)
	opt.Dir = t.TempDir()
	if _, err := Prepare(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	s, err := OpenStream(opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scaling, err := features.Scaler{}.Fit(ds.X, ds.Training())
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []*features.Scaling{nil, scaling} {
		if scale != nil {
			if err := scale.Apply(ds.X); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range used {
			c := s.Part(p, scale)
			if c.Chunks() < 1 {
				t.Errorf("%s has no row groups", p)
			}
			r, err := c.Reader()
			if err != nil {
				t.Fatal(err)
			}
			var x []float32
			var class []int32
			for i := range c.Chunks() {
				if err := r.Read(context.Background(), i, func(rows []float32, classes []int32) error {
					x, class = append(x, rows...), append(class, classes...)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			want := ds.X.Select(ds.RowsOf(p))
			var classes []int32
			for _, i := range ds.RowsOf(p) {
				classes = append(classes, ds.Class[i])
			}
			if !slices.Equal(x, want.Data) || !slices.Equal(class, classes) {
				t.Errorf("%s: %d rows, want %d, or their values or classes differ", p, len(class), want.Rows)
			}
		}
	}
}

func TestStreamNeedsParquet(t *testing.T) {
	opt := Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, Formats: []string{"csv"}, Dir: t.TempDir()}
	if _, err := Prepare(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStream(opt.Dir); err == nil || !strings.Contains(err.Error(), "only of Parquet") {
		t.Error(err)
	}
}

func TestFoldsAreLoaded(t *testing.T) {
	for _, format := range Formats {
		_, ds := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, Formats: []string{format}, Split: features.SplitSpec{Kind: features.KFold, Fold: 1}})
		if len(ds.Fold) != ds.X.Rows {
			t.Fatalf("%s: %d folds for %d rows", format, len(ds.Fold), ds.X.Rows)
		}
		var seen [5]int
		for i, f := range ds.Fold {
			seen[f]++
			want := features.Train
			switch f {
			case 1:
				want = features.Test
			case 2:
				want = features.Valid
			}
			if ds.Parts[i] != want {
				t.Fatalf("%s: row %d of fold %d is in the part %s", format, i, f, ds.Parts[i])
			}
		}
		if slices.Contains(seen[:], 0) {
			t.Errorf("%s: rows by fold %v", format, seen)
		}
	}
	if _, ds := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}}); ds.Fold != nil {
		t.Error("a split by time has folds")
	}
}

func TestFolds(t *testing.T) {
	table := writeFlows(t, "flows.parquet", nil)
	_, ds := prepared(t, Options{Tables: []string{table}, Split: features.SplitSpec{Kind: features.KFold, Fold: 1, Folds: 4}})
	folds, err := ds.Folds("fold", 0)
	if err != nil || len(folds) != 3 {
		t.Fatalf("%d folds, %v", len(folds), err)
	}
	for i, f := range ds.Fold {
		var valid, purged int
		for _, parts := range folds {
			switch parts[i] {
			case features.Valid:
				valid++
			case features.Purged:
				purged++
			}
		}
		if f == 1 && purged != 3 || f != 1 && (valid != 1 || purged != 0) {
			t.Fatalf("row %d of fold %d is for validation %d times, purged %d times", i, f, valid, purged)
		}
	}
	if _, err := ds.Folds("fold", 5); err == nil || !strings.Contains(err.Error(), "has 3 folds") {
		t.Error(err)
	}
	if _, err := ds.Folds("x", 5); err == nil {
		t.Error("folds by x")
	}

	_, ds = prepared(t, Options{Tables: []string{table}})
	if folds, err = ds.Folds("time", 0); err != nil || len(folds) != 5 {
		t.Fatalf("%d folds, %v", len(folds), err)
	}
	for f, parts := range folds {
		used := 0
		for i, p := range parts {
			if ds.Parts[i] == features.Test && p != features.Purged {
				t.Fatalf("fold %d uses a test row", f)
			}
			if p != features.Purged {
				used++
			}
		}
		if used == 0 {
			t.Errorf("fold %d is empty", f)
		}
	}
	if _, err := ds.Folds("fold", 0); err == nil || !strings.Contains(err.Error(), "prepare --split kfold") {
		t.Error(err)
	}
	_, ds = prepared(t, Options{Tables: []string{table}, Split: features.SplitSpec{Kind: features.ByHost}})
	if _, err := ds.Folds("time", 0); err == nil || !strings.Contains(err.Error(), "rows of a host together") {
		t.Error(err)
	}
}
