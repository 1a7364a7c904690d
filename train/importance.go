package train

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/metrics"
)

// Importance is what the model loses when a column no longer tells its row:
// its values are shuffled among the rows (Breiman 2001). All features made of
// one column of the table (the one-hot ones, the indicator of missing values)
// are shuffled together. Of two columns that say the same, neither seems
// important, since the other is still there.
type Importance struct {
	Part    string             `json:"part"` // validation rows, or those judged where there are none
	Rows    int                `json:"rows"` // a sample by the seed
	Repeats int                `json:"repeats"`
	PRAUC   metrics.Value      `json:"pr_auc"`   // with every column in place
	LogLoss metrics.Value      `json:"log_loss"` // of the attack score
	Columns []ColumnImportance `json:"columns"`  // the most important first
}

// ColumnImportance is the mean over the shuffles of one column. Where the
// PR-AUC is 1 and stays so, the loss still shows what the model leans on.
type ColumnImportance struct {
	Column    string        `json:"column"`
	Features  int           `json:"features"`
	PRAUCDrop metrics.Value `json:"pr_auc_drop"`
	LossRise  metrics.Value `json:"log_loss_rise"`
	Deviation float64       `json:"log_loss_rise_deviation"` // standard deviation over the shuffles
}

const streamImportance = 0x696d7021

func permutationImportance(ctx context.Context, m *Model, d *Data, c EvalConfig) (*Importance, error) {
	which := features.Valid
	rows := d.rows(which)
	if len(rows) == 0 {
		which, rows = c.Part, d.rows(c.Part)
	}
	if len(rows) > c.Sample {
		order := make([]int32, len(rows))
		metrics.Shuffle(rand.NewPCG(c.Seed, streamImportance), order)
		rows = pick(rows, order[:c.Sample])
	}
	slices.Sort(rows)
	p := d.packRows(rows)
	out := &Importance{Part: which.String(), Rows: p.n, Repeats: c.Importance}
	var err error
	if out.PRAUC, out.LogLoss, err = measure(m, p); err != nil {
		return nil, err
	}
	for i, g := range d.columnGroups() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		col, err := shuffled(m, p, g, d.X.Cols(), c, uint64(i), out)
		if err != nil {
			return nil, err
		}
		out.Columns = append(out.Columns, col)
	}
	drop := func(c ColumnImportance) float64 { return math.Round(1e4 * float64(c.PRAUCDrop)) } // less is chance
	slices.SortStableFunc(out.Columns, func(a, b ColumnImportance) int {
		return cmp.Or(cmp.Compare(drop(b), drop(a)), cmp.Compare(b.LossRise, a.LossRise))
	})
	return out, nil
}

// columnGroup is the features made of one column.
type columnGroup struct {
	name     string
	features []int
}

func (d *Data) columnGroups() []columnGroup {
	var out []columnGroup
	at := make(map[string]int)
	for i, name := range d.X.Names {
		if d.Sources != nil {
			name = d.Sources[i]
		}
		k, known := at[name]
		if !known {
			k = len(out)
			at[name] = k
			out = append(out, columnGroup{name: name})
		}
		out[k].features = append(out[k].features, i)
	}
	return out
}

// shuffled measures the model with the values of one column in a random order,
// and puts them back.
func shuffled(m *Model, p *part, g columnGroup, cols int, c EvalConfig, stream uint64, whole *Importance) (ColumnImportance, error) {
	out := ColumnImportance{Column: g.name, Features: len(g.features)}
	src := rand.NewPCG(c.Seed+stream, streamImportance)
	order := make([]int32, p.n)
	saved := make([]float32, p.n*len(g.features))
	for i := range p.n {
		for k, f := range g.features {
			saved[i*len(g.features)+k] = p.x[i*cols+f]
		}
	}
	put := func(from func(i int) int) {
		for i := range p.n {
			for k, f := range g.features {
				p.x[i*cols+f] = saved[from(i)*len(g.features)+k]
			}
		}
	}
	defer put(func(i int) int { return i })
	var rises []float64
	for range c.Importance {
		metrics.Shuffle(src, order)
		put(func(i int) int { return int(order[i]) })
		ap, loss, err := measure(m, p)
		if err != nil {
			return out, err
		}
		out.PRAUCDrop += (whole.PRAUC - ap) / metrics.Value(c.Importance)
		out.LossRise += (loss - whole.LogLoss) / metrics.Value(c.Importance)
		rises = append(rises, float64(loss-whole.LogLoss))
	}
	for _, r := range rises {
		out.Deviation += (r - float64(out.LossRise)) * (r - float64(out.LossRise))
	}
	out.Deviation = math.Sqrt(out.Deviation / float64(max(1, len(rises)-1)))
	return out, nil
}

// measure is the PR-AUC and the mean log loss of the attack score, which is
// kept 1e-7 away from 0 and 1.
func measure(m *Model, p *part) (ap, loss metrics.Value, err error) {
	scores, err := scoreAll(m, p.x, p.n)
	if err != nil {
		return 0, 0, err
	}
	rank, err := metrics.Rank(scores, p.attack)
	if err != nil {
		return 0, 0, err
	}
	sum := 0.0
	for i, s := range scores {
		v := min(max(float64(s), 1e-7), 1-1e-7)
		if !p.attack[i] {
			v = 1 - v
		}
		sum -= math.Log(v)
	}
	return rank.AveragePrecision(), metrics.Value(sum / float64(p.n)), nil
}
