package main

import (
	"math"
	"os"
	"testing"
)

// at returns scores of n points that are 1 at the given ones.
func at(n int, ones ...int) []float64 {
	scores := make([]float64, n)
	for _, i := range ones {
		scores[i] = 1
	}
	return scores
}

// Worked by hand: 1000 points, so probation is 150; one window of 100, 400 to 499.
func TestNABScoreByHand(t *testing.T) {
	best := 2/(1+math.Exp(-5)) - 1
	w := []window{{400, 499}}
	for _, test := range []struct {
		name  string
		found []int
		p     profile
		want  float64
	}{
		{"nothing", nil, standard, -1},
		{"nothing, low FN", nil, lowFN, -2},
		{"at the left edge", []int{400}, standard, 1},
		{"at once, and again", []int{400, 420, 499}, standard, 1},
		{"in the middle", []int{450}, standard, (2/(1+math.Exp(-2.5)) - 1) / best},
		{"at the last point", []int{499}, standard, (2/(1+math.Exp(-0.05)) - 1) / best},
		{"in probation", []int{10, 149}, standard, -1},
		{"after probation, before the window", []int{150}, standard, -1.11},
		{"the same, low FP", []int{150}, lowFP, -1.22},
		{"just past the window", []int{400, 500}, standard, 1 + 0.11*(2/(1+math.Exp(5./99))-1)},
		{"far past it", []int{400, 499 + 297}, standard, 1 - 0.11},
	} {
		if got := nabScore(at(1000, test.found...), w, 0.5, test.p); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	two := []nabSeries{{windows: w, scores: at(1000, 400)}, {windows: w, scores: at(1000)}}
	if got := nabTotal(two, 0.5, standard); math.Abs(got-50) > 1e-12 {
		t.Errorf("one of two windows found: %v, want 50", got)
	}
	if got := nabTotal(two, 0.5, lowFN); math.Abs(got-50) > 1e-12 {
		t.Errorf("one of two windows found, low FN: %v, want 50", got)
	}
}

// What the benchmark's authors published of their Windowed Gaussian detector (numenta/NAB,
// results/windowedGaussian/windowedGaussian_standard_scores.csv). Their table does not
// say where its first detections lie, but only one place in a window has that score.
func TestNABScorePublished(t *testing.T) {
	t.Run("ec2_network_in_257a54: 4 points in the window of 403, none outside", func(t *testing.T) {
		const published = 0.8606718242697022
		places := 0
		for i := 1000; i < 1403; i++ {
			if got := nabScore(at(4032, i), []window{{1000, 1402}}, 0.5, standard); math.Abs(got-published) < 1e-14 {
				places++
			}
		}
		if places != 1 {
			t.Errorf("%d places in the window score %v, want 1", places, published)
		}
	})
	t.Run("rogue_agent_key_hold: no point in two windows, 4 before them", func(t *testing.T) {
		got := nabScore(at(1882, 300, 301, 400, 500), []window{{900, 994}, {1400, 1494}}, 0.5, standard)
		if math.Abs(got - -2.44) > 1e-12 {
			t.Errorf("%v, want -2.44", got)
		}
	})
	t.Run("speed_t4013: nothing found in two windows", func(t *testing.T) {
		if got := nabScore(at(2495), []window{{900, 1024}, {1400, 1524}}, 0.5, standard); got != -2 {
			t.Errorf("%v, want -2", got)
		}
	})
}

func TestF1AndCoverByHand(t *testing.T) {
	for _, test := range []struct {
		name      string
		marks     [][]int
		found     []int
		n         int
		f1, cover float64
	}{
		{"nothing marked or found", [][]int{{}, {}}, nil, 100, 1, 1},
		{"found as marked", [][]int{{50}}, []int{50}, 100, 1, 1},
		{"within 5", [][]int{{50}}, []int{55}, 100, 1, 50./55*0.5 + 45./50*0.5},
		{"6 away", [][]int{{50}}, []int{56}, 100, 0.5, 50./56*0.5 + 44./50*0.5},
		// Precision is 1/1 and recall 1/2 and 1: 3/4 in the mean.
		{"one of two persons", [][]int{{50}, {}}, nil, 100, 2 * 0.75 / 1.75, 0.75},
		// Found are 0, 50 and 53; 50 is matched by the one mark.
		{"each point once", [][]int{{50}}, []int{50, 53}, 100, 2 * (2. / 3) / (2./3 + 1), 0.5 + 47./50*0.5},
	} {
		if got := f1(test.marks, test.found); math.Abs(got-test.f1) > 1e-12 {
			t.Errorf("%s: F1 %v, want %v", test.name, got, test.f1)
		}
		if got := cover(test.marks, test.found, test.n); math.Abs(got-test.cover) > 1e-12 {
			t.Errorf("%s: cover %v, want %v", test.name, got, test.cover)
		}
	}
}

// Finding nothing scores what is known of the fifteen series.
func TestF1AndCoverPublished(t *testing.T) {
	dir := dataDir("tcpd")
	if dir == "" {
		t.Skip("the series that people marked are not beside the clone")
	}
	all, err := readMarked(dir)
	if os.IsNotExist(err) || err == nil && len(all) != 15 {
		t.Skipf("%d series are there, not the fifteen", len(all))
	}
	if err != nil {
		t.Fatal(err)
	}
	gotF1, gotCover := scoreMarked(all, func([]float64) []int { return nil })
	if math.Abs(gotF1-0.614) > 0.0005 || math.Abs(gotCover-0.521) > 0.0005 {
		t.Errorf("finding nothing: F1 %.4f, cover %.4f; want 0.614, 0.521", gotF1, gotCover)
	}
}
