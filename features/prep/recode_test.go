package prep

import (
	"slices"
	"testing"

	"github.com/pcapline/pcapline/features"
)

// A dataset read by its own pipeline from the full table is the cleaned one.
func TestRecodeByTheOwnPipeline(t *testing.T) {
	opt := Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, Dir: t.TempDir(), Duplicates: Drop}
	if _, err := Prepare(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	want, err := Load(opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range used {
		got, err := Recode(opt.Dir, part, want.Meta.Pipeline(nil))
		if err != nil {
			t.Fatal(err)
		}
		rows := want.RowsOf(part)
		if len(rows) == 0 {
			t.Fatal("the test has no rows to compare")
		}
		if !slices.Equal(got.X.Data, want.X.Select(rows).Data) {
			t.Errorf("%s rows have other features", part)
		}
		for i, r := range rows {
			if got.Class[i] != want.Class[r] || got.Capture[i] != want.Capture[r] || got.Row[i] != want.Row[r] || got.Start[i] != want.Start[r] {
				t.Fatalf("%s row %d is another", part, i)
			}
		}
	}
	other := want.Meta.Pipeline(nil)
	other.Encoding = &features.Encoding{Version: features.EncodingVersion, Columns: []features.ColumnEncoding{{Column: "nowhere", Type: "int64", How: features.Number}}}
	if _, err := Recode(opt.Dir, features.Test, other); err == nil {
		t.Error("a column that the table has not got is no error")
	}
}
