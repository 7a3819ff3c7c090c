in float v_z;
out float out_z;
void main() { out_z = v_z; }
