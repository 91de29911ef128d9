package replica

import (
	"slices"
	"sync"
	"time"
)

// ChangePause is the least time between a change and the look at what it left to do.
const ChangePause = 50 * time.Millisecond

// Signals wake those who wait for a topic. A topic nobody waits for costs nothing.
type Signals struct {
	mu       sync.Mutex
	channels map[string]chan struct{}
	joined   map[string][]string // topic -> those that it wakes too
}

// Join lets any of the topics wake another one, so that one channel serves who waits for several.
func (s *Signals) Join(topic string, topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joined == nil {
		s.joined = make(map[string][]string)
	}
	for _, t := range topics {
		if !slices.Contains(s.joined[t], topic) {
			s.joined[t] = append(s.joined[t], topic)
		}
	}
}

// On answers a channel that is closed at the topic's next wake. Take it before looking at what it guards.
func (s *Signals) On(topic string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels == nil {
		s.channels = make(map[string]chan struct{})
	}
	c, ok := s.channels[topic]
	if !ok {
		c = make(chan struct{})
		s.channels[topic] = c
	}
	return c
}

func (s *Signals) Wake(topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range topics {
		s.wakeLocked(topic)
		for _, other := range s.joined[topic] {
			s.wakeLocked(other)
		}
	}
}

func (s *Signals) wakeLocked(topic string) {
	if c, ok := s.channels[topic]; ok {
		close(c)
		delete(s.channels, topic)
	}
}
