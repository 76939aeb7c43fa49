mod gradient;
