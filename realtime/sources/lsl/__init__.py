"""One live stream of signal, and streams of markers, over Lab Streaming Layer."""
