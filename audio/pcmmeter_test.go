package audio

import "testing"

func TestThePCMMeterAgreesWithFfmpeg(t *testing.T) {
	for channels, args := range map[int][]string{1: {"-b", "64", "-m", "m", "--resample", "24"}, 2: {"-b", "320"}} {
		path := encode(t, programme(), args...)
		pcm, want := ffmpegPCM(t, path), ffmpegEBUR(t, path)
		rate := map[int]int{1: 24_000, 2: 48_000}[channels]
		m := NewPCMMeter(rate, channels)
		for at := 0; at < len(pcm); at += 777 * channels { // blocks that fit no step of the measurement
			part := pcm[at:min(at+777*channels, len(pcm))]
			planes := make([][]float32, channels)
			for i, v := range part {
				planes[i%channels] = append(planes[i%channels], v)
			}
			m.Add(planes)
		}
		loudness, peak := m.Result()
		within(t, "integrated loudness", loudness, want.integrated, 0.1)
		within(t, "true peak", peak, want.truePeak, 0.3)
	}
	if loudness, peak := NewPCMMeter(48_000, 2).Result(); loudness != nil || peak != nil {
		t.Errorf("nothing is measured as %v and %v", loudness, peak)
	}
}
