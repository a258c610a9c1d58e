package distinct

import "math"

// estimate is Ertl's improved raw estimator, algorithm 6.
func estimate(histogram []int) uint64 {
	const m = float64(registers)
	z := m * tau(1-float64(histogram[ranks+1])/m)
	for k := ranks; k >= 1; k-- {
		z = 0.5 * (z + float64(histogram[k]))
	}
	z += m * sigma(float64(histogram[0])/m)
	return uint64(math.Round(m * m / (2 * math.Ln2) / z))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}
